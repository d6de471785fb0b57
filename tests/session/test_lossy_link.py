"""A client and a session over a link that is cut at any item: nothing lost, nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.session.lossy_client import Client
from tests.session.lossy_server import MAX_BYTES, MOST_SAMPLES, Link, Server
from voicechat.protocol.frames import AudioFrame

pytestmark = pytest.mark.requirement("S-1", "S-2", "S-3")

FEW = st.integers(1, 6)
ALL = 10**9


class LossyLink(RuleBasedStateMachine):
    """Both ends do what they like, and the link breaks when it likes."""

    @initialize()
    def begin(self):
        link = Link()
        self.server, self.client = Server(), Client(link)
        self.server.link = link
        self.server.inbox.comes(self.client.name)
        self.checked = 0
        self.others = []  # what another client has said

    # -- the session ---------------------------------------------------------------------------

    @rule(count=FEW)
    def session_says(self, count):
        for _ in range(count):
            self.server.say()

    @rule(
        frames=st.lists(st.integers(1, MOST_SAMPLES), min_size=1, max_size=5),
        last=st.sampled_from(["no", "no", "no", "with samples", "alone"]),
    )
    def session_speaks(self, frames, last):
        for samples in frames:
            self.server.speak(samples, last=False)
        if last != "no" and self.server.speaking:
            self.server.speak(0 if last == "alone" else 40, last=True)

    @rule()
    def session_is_interrupted(self):
        self.server.interrupt()

    @rule(count=FEW)
    def session_writes(self, count):
        self.server.write(count)

    @rule(which=st.integers(0, 5), samples=st.integers(0, 500))
    def session_settles(self, which, samples):
        self.server.settle(which, samples)

    @rule()
    def session_acknowledges(self):
        self.server.acknowledge()

    @rule(seconds=st.sampled_from([0.5, 3, 12]))
    def time_passes(self, seconds):
        self.server.now += seconds

    # -- the client ----------------------------------------------------------------------------

    @rule(count=FEW)
    def client_says(self, count):
        for _ in range(count):
            self.client.say()

    @rule()
    def client_opens_or_closes_its_microphone(self):
        self.client.listen()

    @precondition(lambda self: self.client.listens)
    @rule(frames=st.lists(st.integers(1, 200), min_size=1, max_size=5))
    def client_captures(self, frames):
        for samples in frames:
            self.client.capture(samples)

    @rule()
    def client_acknowledges(self):
        self.client.acknowledge()

    @rule(samples=st.integers(1, 800), back=st.integers(0, 1), tell=st.booleans())
    def client_plays(self, samples, back, tell):
        self.client.play(samples)
        if tell:
            self.client.tell_played(max(self.client.queued, default=0) - back)

    # -- the link ------------------------------------------------------------------------------

    @rule(count=FEW)
    def items_arrive_at_the_client(self, count):
        link = self.client.link
        while link.down and count:
            self.client.receive(link.down.popleft())
            count -= 1

    @rule(count=FEW, of_the_old_link=st.booleans())
    def items_arrive_at_the_session(self, count, of_the_old_link):
        link = self.server.link if of_the_old_link else self.client.link
        while link.up and count:
            self.server.receive(link.up.popleft(), link)
            count -= 1

    @rule()
    def all_goes_well(self):
        self.server.write(ALL)
        self.all_arrives()

    @rule()
    def link_breaks(self):
        """Neither end knows yet; what they send goes nowhere."""
        self.client.link.cut()

    @rule(
        buffered=st.booleans(),
        understated=st.sampled_from([0, 1, 3]),
        too_much=st.booleans(),
        breaks=st.booleans(),
    )
    def client_comes_back(self, buffered, understated, too_much, breaks):
        """The old link may still bring something to the session until it knows of the new one."""
        if breaks:
            self.client.link.cut()
        self.client.too_much = too_much
        self.client.reconnect(buffered=buffered, understated=understated)

    @rule(really=st.sampled_from([True, False, False]))
    def page_is_loaded_again(self, really):
        if really:
            self.client.reload()

    @rule(count=FEW)
    def another_client_takes_the_session_over(self, count):
        """A client that has nothing; the first one may not know of it for long."""
        words = [f"another: {len(self.others) + each}" for each in range(count)]
        self.others += words
        self.server.taken_over(words)

    # -- what always holds ---------------------------------------------------------------------

    def heard_of(self, name):
        return [words for words in self.server.heard if words.startswith(f"{name}: ")]

    @invariant()
    def texts_come_once_and_in_order(self):
        said, got = self.server.texts, self.client.texts
        assert got == said[: len(got)]
        pages = self.client.said_before | {self.client.name: self.client.said}
        for page, said in pages.items():
            got = self.heard_of(page)
            assert got == said[: len(got)]
        assert self.heard_of("another") == self.others

    @invariant()
    def what_is_kept_is_bounded(self):
        outbox = self.server.outbox
        kept = [*outbox._sent.values(), *outbox._unsent.values()]
        assert [entry.seq for entry in kept] == sorted(entry.seq for entry in kept)
        assert outbox.cost == sum(entry.cost for entry in kept)
        speech = sum(entry.cost for entry in kept if isinstance(entry.item, AudioFrame))
        assert speech <= MAX_BYTES + 2 * MOST_SAMPLES + 200

    @invariant()
    def acknowledgements_are_never_ahead(self):
        server = self.server
        assert server.inbox.settled <= server.inbox.taken == len(server.heard)
        assert server.position.settled <= server.position.received
        assert server.outbox.delivered <= server.outbox.seq

    @invariant()
    def speech_has_no_hole_that_was_not_told(self):
        for hole in self.client.holes[self.checked :]:
            for at in range(hole.start, hole.end):
                forgotten = self.server.expired.get((hole.turn, at))
                assert forgotten is not None, f"{hole.turn}:{at} is missing"
                if hole.restored is not None and forgotten < int(hole.restored.title):
                    assert forgotten < self.client.warned, "it is told once"
        self.checked = len(self.client.holes)

    # -- and in the end ------------------------------------------------------------------------

    def teardown(self):
        """The network stays, or comes back: then both have everything and keep nothing."""
        if not hasattr(self, "client"):
            return
        client, server = self.client, self.server
        client.too_much = False
        if not client.link.alive:
            client.reconnect(buffered=True)
        for _ in range(3):
            self.all_arrives()
            server.write(ALL)
            self.all_arrives()
            client.play(ALL)
            for turn in sorted(client.queued):
                client.tell_played(turn)
            client.acknowledge()
            while server.pending:
                server.settle(0, ALL)
            server.settle(0, ALL)
            self.all_arrives()
            server.acknowledge()
        self.all_arrives()
        self.speech_has_no_hole_that_was_not_told()
        assert client.texts == server.texts
        assert self.heard_of(client.name) == client.said
        assert client.log == []
        if client.listens:
            assert server.audio[client.stream] == client.captured
        for turn, produced in server.produced.items():
            if turn not in server.silenced:
                self.check_speech(turn, produced)
        assert server.outbox.cost == 0
        assert server.outbox.peek() is None

    def check_speech(self, turn, produced):
        client, server = self.client, self.server
        missing = range(client.ear.get(turn, 0), produced)
        assert all((turn, at) in server.expired for at in missing)
        if turn in server.finished and turn in client.queued:  # nobody else waits for the end
            assert turn in client.ended

    def all_arrives(self):
        client, server = self.client, self.server
        while client.link.up or client.link.down:
            while client.link.up:
                server.receive(client.link.up.popleft(), client.link)
            while client.link.down:
                client.receive(client.link.down.popleft())


TestLossyLink = LossyLink.TestCase
TestLossyLink.settings = settings(
    max_examples=350, stateful_step_count=80, report_multiple_bugs=False
)
