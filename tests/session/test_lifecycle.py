"""The life of a session: every pair of state and event, and its timers against a look back."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from voicechat.protocol.messages.session import SessionState
from voicechat.session.lifecycle import TRANSITIONS, Due, InvalidTransition, Life, LifeEvent, Timers

pytestmark = pytest.mark.requirement("S-1")

# A row a state, a column an event; "." for what cannot happen.
PICTURE = """
             ready        attached detached     rested said         expired ended
creating     disconnected .        .            .      .            .       terminated
active       .            active   disconnected idle   active       .       terminated
idle         .            idle     disconnected .      active       .       terminated
disconnected .            active   .            .      disconnected expired terminated
expired      .            .        .            .      .            .       .
terminated   .            .        .            .      .            .       .
"""
EVENTS, *ROWS = (line.split() for line in PICTURE.strip().splitlines())
EXPECTED = {
    (SessionState(state), LifeEvent(event)): None if after == "." else SessionState(after)
    for state, *row in ROWS
    for event, after in zip(EVENTS, row, strict=True)
}
PATHS = {
    SessionState.CREATING: [],
    SessionState.ACTIVE: [LifeEvent.READY, LifeEvent.ATTACHED],
    SessionState.IDLE: [LifeEvent.READY, LifeEvent.ATTACHED, LifeEvent.RESTED],
    SessionState.DISCONNECTED: [LifeEvent.READY],
    SessionState.EXPIRED: [LifeEvent.READY, LifeEvent.EXPIRED],
    SessionState.TERMINATED: [LifeEvent.ENDED],
}
USUAL = Timers(resume_window_s=300, idle_s=1800, max_duration_s=86_400)


def life_in(state: SessionState, timers: Timers = USUAL) -> Life:
    life = Life(timers, 0)
    for event in PATHS[state]:
        life.happens(event, 0)
    return life


def test_the_picture_has_every_pair():
    assert set(EXPECTED) == {(state, event) for state in SessionState for event in LifeEvent}
    assert {pair: after for pair, after in EXPECTED.items() if after} == TRANSITIONS


@pytest.mark.parametrize(("state", "event"), EXPECTED)
def test_each_event_leads_where_the_picture_says(state, event):
    life = life_in(state)
    after = EXPECTED[state, event]
    if after is None:
        with pytest.raises(InvalidTransition, match=state):
            life.happens(event, 5)
        assert (life.state, life.since) == (state, 0)
    else:
        life.happens(event, 5)
        assert life.state is after
        assert life.since == (0 if after is state else 5)


@pytest.mark.requirement("S-2")
def test_it_expires_at_the_end_of_the_window():
    life = life_in(SessionState.ACTIVE)
    life.happens(LifeEvent.DETACHED, 1000)
    assert life.deadline == 1300
    assert life.due(1299.9) is None
    assert life.due(1300) is Due.EXPIRE
    life.happens(LifeEvent.EXPIRED, 1300)
    assert life.due(1300) is None
    assert life.deadline == math.inf


@pytest.mark.requirement("S-2")
def test_a_turn_in_flight_may_finish_before_it_expires():
    life = life_in(SessionState.DISCONNECTED)
    life.busy(True, 290)
    assert life.due(300) is None
    assert life.deadline == 330
    life.busy(False, 310)
    assert life.deadline == 300
    assert life.due(310) is Due.EXPIRE


@pytest.mark.requirement("S-5")
def test_it_rests_after_a_long_silence_but_never_in_a_turn():
    life = life_in(SessionState.ACTIVE)
    life.touch(100)
    life.busy(True, 200)
    assert life.due(10_000) is None
    life.busy(False, 10_000)
    assert life.deadline == 11_800
    assert life.due(11_800) is Due.REST
    assert life.due(11_800) is None
    life.happens(LifeEvent.RESTED, 11_800)
    assert life.due(80_000 - 5000) is None
    life.touch(75_000)
    assert (life.state, life.since) == (SessionState.ACTIVE, 75_000)
    assert life.due(76_800) is Due.REST


@pytest.mark.requirement("S-5")
def test_connections_that_come_and_go_are_no_words():
    life = life_in(SessionState.ACTIVE)
    for at in range(100, 1800, 100):
        life.happens(LifeEvent.DETACHED, at)
        life.happens(LifeEvent.ATTACHED, at + 50)
    assert life.deadline == 1800
    assert life.due(1800) is Due.REST


@pytest.mark.requirement("S-6")
def test_its_end_is_told_ahead_and_waits_for_a_turn():
    life = life_in(SessionState.IDLE)
    assert life.due(0.9 * 86_400 - 1) is None
    assert life.due(0.9 * 86_400) is Due.WARN
    assert life.due(0.9 * 86_400) is None
    assert life.remaining_s(0.9 * 86_400) == pytest.approx(8640)
    life.touch(86_390)
    life.busy(True, 86_390)
    assert life.due(86_400) is None
    assert life.remaining_s(86_401) == 0
    assert life.due(86_429) is None
    assert life.due(86_430) is Due.END
    assert life.due(86_430) is Due.END  # until it has happened
    life.happens(LifeEvent.ENDED, 86_430)
    assert life.due(86_430) is None


def test_words_in_a_life_that_is_over_change_nothing():
    for state in (SessionState.CREATING, SessionState.EXPIRED, SessionState.TERMINATED):
        life = life_in(state)
        life.touch(5)
        assert (life.state, life.since, life.deadline) == (state, 0, math.inf)


def test_nothing_is_due_without_a_maximum_in_use():
    life = life_in(SessionState.ACTIVE, Timers(resume_window_s=300, idle_s=1800))
    life.busy(True, 1)
    assert life.deadline == math.inf
    assert life.due(1e12) is None
    assert life.remaining_s(5) == math.inf


class Lives(RuleBasedStateMachine):
    """Beside a list of all that happened, which is read anew each time. Times are whole seconds."""

    @initialize(
        window=st.sampled_from([0, 5, 30]),
        idle=st.sampled_from([3, 12, 50]),
        most=st.sampled_from([20, 40, 100, math.inf]),
        grace=st.sampled_from([0, 4, 30]),
        warning=st.sampled_from([0.5, 0.9]),
    )
    def begin(self, window, idle, most, grace, warning):
        self.timers = Timers(
            resume_window_s=window,
            idle_s=idle,
            max_duration_s=most,
            turn_grace_s=grace,
            warning=warning,
        )
        self.now = self.began = 1000
        self.life = Life(self.timers, self.now)
        self.log = [(self.now, "creating", "began")]  # time, state afterwards, what
        self.given = []  # of what is given once: index in the log, what

    @property
    def state(self):
        return self.log[-1][1]

    @property
    def is_busy(self):
        return next((w == "busy" for _, _, w in reversed(self.log) if w in {"busy", "free"}), False)

    def note(self, state, what):
        self.log.append((self.now, state, what))

    # -- what happens --------------------------------------------------------------------------

    @rule(event=st.sampled_from(LifeEvent))
    def something_happens(self, event):
        after = EXPECTED[SessionState(self.state), event]
        if event is LifeEvent.EXPIRED and self.state == "disconnected" and self.naive() != "EXPIRE":
            return  # nobody does so
        if after is None:
            with pytest.raises(InvalidTransition):
                self.life.happens(event, self.now)
        else:
            self.life.happens(event, self.now)
            self.note(after.value, event.value)

    @rule()
    def it_is_attached_or_not(self):
        """What happens most often."""
        event = {"creating": "ready", "disconnected": "attached"}.get(self.state, "detached")
        self.something_happens(LifeEvent(event))

    @rule()
    def something_is_said(self):
        self.life.touch(self.now)
        if self.state in {"active", "idle", "disconnected"}:
            self.note("disconnected" if self.state == "disconnected" else "active", "said")

    @rule(is_busy=st.booleans())
    def it_is_busy_or_not(self, is_busy):
        self.life.busy(is_busy, self.now)
        if is_busy != self.is_busy:
            self.note(self.state, "busy" if is_busy else "free")

    @rule(seconds=st.integers(1, 15))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.life.deadline < math.inf)
    @rule()
    def time_passes_until_something_is_due(self):
        self.now = max(self.now, math.ceil(self.life.deadline))
        self.all_is_asked()

    @rule()
    def all_is_asked(self):
        for _ in range(4):
            due, expected = self.life.due(self.now), self.naive()
            assert (due and due.name) == expected
            if expected in {"REST", "WARN"}:
                self.given.append((len(self.log), expected))
            if expected in {None, "END", "EXPIRE"}:
                break
        else:
            raise AssertionError("it never ends")

    # -- the naive model -----------------------------------------------------------------------

    def naive(self, now=None):
        now = self.now if now is None else now
        if self.state not in {"active", "idle", "disconnected"}:
            return None
        grace = self.timers.turn_grace_s if self.is_busy else 0
        age = now - self.began
        if age >= self.timers.max_duration_s + grace:
            return "END"
        away = now - self.entered()
        if self.state == "disconnected" and away >= self.timers.resume_window_s + grace:
            return "EXPIRE"
        warned = any(what == "WARN" for _, what in self.given)
        if age >= self.timers.warning * self.timers.max_duration_s and not warned:
            return "WARN"
        stir = {"began", "said", "busy", "free"}
        stirs = [index for index, (_, _, what) in enumerate(self.log) if what in stir]
        quiet = now - self.log[stirs[-1]][0]
        since_entered = max(stirs[-1], self.entered_index())
        told = any(what == "REST" and index > since_entered for index, what in self.given)
        if self.state == "active" and not self.is_busy and quiet >= self.timers.idle_s and not told:
            return "REST"
        return None

    def entered_index(self):
        index = len(self.log) - 1
        while index and self.log[index - 1][1] == self.state:
            index -= 1
        return index

    def entered(self):
        return self.log[self.entered_index()][0]

    # -- what always holds ---------------------------------------------------------------------

    @invariant()
    def it_is_where_the_list_says(self):
        assert self.life.state.value == self.state
        assert self.life.since == self.entered()
        left = max(0, self.began + self.timers.max_duration_s - self.now)
        assert self.life.remaining_s(self.now) == left

    @invariant()
    def its_deadline_is_the_first_second_at_which_something_is_due(self):
        first = next((at for at in range(self.began, self.now + 140) if self.naive(at)), math.inf)
        if first < math.inf:
            assert math.ceil(self.life.deadline) == first
        else:
            assert self.life.deadline >= self.now + 139


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=40)
