"""A link against a model server over sockets that are cut at any moment: exactly once, in order.

Each step of the machine is one thing that can happen on its own: a message leaves, arrives or is
read, the socket is cut with what is on its way, the server is killed.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.client.model_server import CODEC, ModelServer
from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.client.link import Link
from voicechat.client.state import Phase
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import ListenMode, Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.connection import Settings as Change
from voicechat.protocol.messages.conversation import StreamDelta, UserMessage
from voicechat.protocol.messages.session import SessionReady, SessionRestored

RATE = 16_000


class LossyLink(RuleBasedStateMachine):
    """A client, a server, and one socket at a time between them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.link = Link(Hello(1), client="under test")
        self.server = ModelServer()
        self.up: list[str | bytes] = []
        self.socket = False
        self.typed: list[str] = []
        self.spoken = bytearray()
        self.microphone = False
        self.received: list[str | bytes] = []
        self.epoch = ""
        self.words = itertools.count()
        self.restored: list[Restored] = []

    # -- the user ------------------------------------------------------------------------------

    @rule()
    def types(self) -> None:
        self.typed.append(f"text {next(self.words)}")
        self.link.send(UserMessage(self.typed[-1]))

    @rule()
    def changes_a_setting(self) -> None:
        self.link.send(Change(patience=0.5))

    @rule(mode=st.sampled_from(ListenMode))
    def opens_the_microphone(self, mode) -> None:
        self.link.outgoing.open_microphone(RATE, mode)
        self.microphone = True

    @rule()
    def closes_the_microphone(self) -> None:
        self.link.outgoing.close_microphone()
        self.microphone = False

    @precondition(lambda self: self.microphone)
    @rule(samples=st.integers(1, 4_000))
    def speaks(self, samples) -> None:
        begin = len(self.spoken) // 2
        pcm = b"".join(
            (value % 65_536).to_bytes(2, "little") for value in range(begin, begin + samples)
        )
        self.spoken += pcm
        self.link.outgoing.audio(pcm)

    @rule(samples=st.integers(0, 1_000))
    def plays(self, samples) -> None:
        self.link.send(Playback(1, samples))

    # -- the network ---------------------------------------------------------------------------

    @precondition(lambda self: not self.socket)
    @rule()
    def connects(self) -> None:
        if self.link.state.phase is Phase.OFFLINE:
            self.link.retry(self.now)
        assert self.link.connect_at is not None
        self.now = max(self.now, self.link.connect_at)
        self.socket = True
        self.server.connect()
        self.link.opened(self.now)

    @precondition(lambda self: self.socket)
    @rule(many=st.integers(1, 40))
    def client_writes(self, many) -> None:
        for _ in range(many):
            data = self.link.next(self.now)
            if data is None:
                return
            self.up.append(data)

    @precondition(lambda self: self.up)
    @rule(many=st.integers(1, 40))
    def server_reads(self, many) -> None:
        for data in self.up[:many]:
            self.server.take(data)
        del self.up[:many]

    @precondition(lambda self: self.socket and self.server.answers)
    @rule(many=st.integers(1, 40))
    def client_reads(self, many) -> None:
        read, self.server.answers[:] = self.server.answers[:many], self.server.answers[many:]
        for data in read:
            for event, seq in self.link.heard(data, self.now):
                if isinstance(event, AudioFrame):
                    self.received.append(event.pack())
                elif isinstance(event, StreamDelta):
                    self.received.append(CODEC.encode(event, seq))
                elif isinstance(event, Restored):
                    self.restored.append(event)
                elif isinstance(event, SessionReady | SessionRestored):
                    self.received = self.received if event.epoch == self.epoch else []
                    self.epoch = event.epoch
                elif isinstance(event, StateChanged):
                    assert event.state == self.link.state

    @precondition(lambda self: self.socket)
    @rule(chance=st.floats(0, 1), code=st.sampled_from([None, 1001, 1011, 1013, 4000, 4001]))
    def is_cut(self, chance, code) -> None:
        self.up, self.socket = [], False
        self.server.connect()
        self.link.closed(code, self.now, chance)

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds) -> None:
        self.now += seconds
        if self.socket:
            self.link.beat(self.now, listening=False)

    # -- the server ----------------------------------------------------------------------------

    @precondition(lambda self: self.server.sessions)
    @rule()
    def server_says(self) -> None:
        self.server.say(f"word {next(self.words)}")

    @precondition(lambda self: self.server.sessions)
    @rule(samples=st.integers(1, 500))
    def server_speaks(self, samples) -> None:
        self.server.speak(samples)

    @precondition(lambda self: self.server.attached)
    @rule(part=st.floats(0, 1))
    def server_settles(self, part) -> None:
        heard = len(self.server.audio) // 2
        self.server.settled += int((heard - self.server.settled) * part)
        self.server.acknowledge()

    @precondition(lambda self: self.server.sessions)
    @rule(many=st.integers(1, 3))
    def server_s_disk_gets_something(self, many) -> None:
        self.server.kept = min(len(self.server.said), self.server.kept + many)

    @precondition(lambda self: self.server.sessions and self.link.session is not None)
    @rule(many=st.integers(1, 3))
    def another_client_takes_it_over(self, many) -> None:
        if self.socket:
            self.is_cut(0.5, 4500)
        for _ in range(many):
            self.server.rival_types(f"text {next(self.words)}")

    @precondition(lambda self: self.server.sessions and self.link.session is not None)
    @rule(chance=st.floats(0, 1))
    def server_is_killed(self, chance) -> None:
        if self.socket:
            self.is_cut(chance, None)
        self.server.restart()

    # -- what must always hold -----------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        assert self.server.texts == self.typed[: len(self.server.texts)]
        assert self.spoken.startswith(self.server.audio)
        if self.epoch == f"e{self.server.epochs}":
            assert self.received == self.server.emitted[: len(self.received)]

    def teardown(self) -> None:
        """The network stays: all that is left arrives."""
        if not self.socket:
            self.connects()
        for _ in range(10):
            self.now += 0.3
            self.client_writes(10_000)
            self.server_reads(10_000)
            self.client_reads(10_000)
        assert str(self.link.state) == "connected"
        assert self.server.texts == self.typed
        assert self.server.audio == self.spoken
        assert self.received == self.server.emitted
        assert self.link.ack_at is None
        assert self.server.streams == [] or self.server.streams[-1].closed != self.microphone
        assert all(restored.audio_lost_s == 0 for restored in self.restored)


LossyLink.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestLossyLink = pytest.mark.requirement("S-3")(pytest.mark.requirement("S-2")(LossyLink.TestCase))
