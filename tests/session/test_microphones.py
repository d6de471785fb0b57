"""Microphone streams of a session: how much audio is kept, cool and hot, and what is told then."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.session.microphones import (
    MAX_COOLING_BYTES,
    MAX_COOLING_S,
    MAX_WAITING_S,
    Microphones,
)
from voicechat.session.tap import NoTap
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS

RATE = 16_000
FRAME_S = 0.1


class Client:
    """Sends frames of `FRAME_S`; `listen` is a listener that takes as many as it is let."""

    def __init__(self, rate=RATE):
        self.rate = rate
        self.gate = InferenceGate(2)
        self.microphones = Microphones(NoTap(), self.gate)
        self.heard = []
        self.may_take = 0
        self._more = trio.Event()
        self._seq = {}

    def limit(self, state):
        self.gate.limit(LIMITS[state])

    def frame(self, stream=1, *, last=False):
        seq = self._seq.get(stream, 0)
        self._seq[stream] = seq + 1
        samples = round(self.rate * FRAME_S)
        return AudioFrame(
            FrameKind.MICROPHONE, stream, seq, seq * samples, bytes(2 * samples), last=last
        )

    def send(self, seconds, stream=1):
        for _ in range(round(seconds / FRAME_S)):
            self.microphones.audio(self.frame(stream))

    def sends_until_refused(self, stream=1):
        """Returns the seconds that were taken, and the refusal."""
        for n in range(10_000):
            try:
                self.microphones.audio(self.frame(stream))
            except ProtocolError as error:
                return n * FRAME_S, error
        raise AssertionError

    async def take(self, seconds):
        self.may_take += round(seconds / FRAME_S)
        self._more.set()
        self._more = trio.Event()
        await wait_all_tasks_blocked()

    async def listen(self, message, audio):
        assert message.stream not in {stream for stream, _ in self.heard}
        while True:
            while not self.may_take:
                await self._more.wait()
            try:
                frame = await audio.receive()
            except trio.EndOfChannel:
                return
            self.may_take -= 1
            self.heard.append((message.stream, frame.seq))


@pytest.fixture
async def client(nursery):
    client = Client()
    nursery.start_soon(client.microphones.run, client.listen)
    client.microphones.open(AudioOpen(1, RATE))
    return client


async def test_half_a_minute_may_wait_while_it_is_cool(client):
    seconds, error = client.sends_until_refused()
    assert seconds == pytest.approx(MAX_WAITING_S)
    assert error.code is ErrorCode.BACKPRESSURE


async def test_it_tells_what_it_took_and_what_it_dropped(client):
    assert client.microphones.audio(client.frame()) is True
    assert client.microphones.audio(client.frame(last=True)) is True
    assert client.microphones.audio(client.frame()) is False
    client.microphones.open(AudioOpen(2, RATE))
    assert client.microphones.audio(client.frame()) is False
    assert client.microphones.audio(client.frame(stream=2)) is True


@pytest.mark.requirement("P-1")
@pytest.mark.parametrize(("missing_s", "taken"), [(3600, True), (3601, False), (2**39, False)])
async def test_audio_that_jumps_by_more_than_an_hour_ends_its_stream(client, missing_s, taken):
    client.send(1)
    far = AudioFrame(FrameKind.MICROPHONE, 1, 9, RATE * (1 + missing_s), bytes(640))
    assert client.microphones.takes(far) is taken
    if taken:
        assert client.microphones.audio(far)
        return
    with pytest.raises(ProtocolError, match="More than an hour") as caught:
        client.microphones.audio(far)
    assert caught.value.code is ErrorCode.INVALID_AUDIO
    assert client.microphones.audio(client.frame()) is False, "told once"
    await client.take(2)
    assert client.heard == [(1, n) for n in range(10)], "what came before it is heard"


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize(
    "state", [ThermalState.SINGLE, ThermalState.PHRASES, ThermalState.PAUSED], ids=str
)
async def test_two_minutes_may_wait_while_it_is_hot_and_what_was_kept_is_heard(client, state):
    client.limit(state)
    seconds, error = client.sends_until_refused()
    assert seconds == pytest.approx(MAX_COOLING_S)
    assert error.code is ErrorCode.THERMAL_PAUSED
    assert error.suggested_action
    client.send(5)  # the client does not know yet: dropped without another word
    await client.take(MAX_COOLING_S + 10)
    assert client.heard == [(1, n) for n in range(round(MAX_COOLING_S / FRAME_S))]
    client.may_take = 0
    client.microphones.open(AudioOpen(2, RATE))
    client.send(1, stream=2)
    await client.take(1)
    assert client.heard[-1] == (2, 9)


@pytest.mark.requirement("T-2", "L-2")
@pytest.mark.parametrize("rate", [8_000, RATE, 48_000, 96_000])
async def test_two_minutes_and_eight_megabytes_hold_for_all_streams_together(nursery, rate):
    client = Client(rate)
    nursery.start_soon(client.microphones.run, client.listen)
    client.limit(ThermalState.PAUSED)
    allowed = min(MAX_COOLING_S, MAX_COOLING_BYTES / (2 * rate))
    kept = 0
    for stream in range(1, 5):
        client.microphones.open(AudioOpen(stream, rate))
        await wait_all_tasks_blocked()  # the first one is fetched by the listener
        if stream < 3:
            client.send(allowed / 4, stream)
            kept += round(allowed / 4 / FRAME_S) * FRAME_S
        else:
            seconds, error = client.sends_until_refused(stream)
            assert error.code is ErrorCode.THERMAL_PAUSED
            kept += seconds
    assert allowed - FRAME_S < kept <= allowed
    # As much as was heard has room again, in any stream.
    await client.take(10)
    client.microphones.open(AudioOpen(5, rate))
    seconds, _ = client.sends_until_refused(5)
    assert seconds == pytest.approx(10, abs=FRAME_S)


@pytest.mark.requirement("T-2")
async def test_what_nobody_listens_to_any_more_takes_no_room(client, nursery):
    async def give_up(_message, audio):
        await audio.receive()
        await audio.aclose()

    microphones = Microphones(NoTap(), client.gate)
    client.limit(ThermalState.PAUSED)
    client.microphones = microphones
    microphones.open(AudioOpen(1, RATE))
    client.send(100)
    microphones.open(AudioOpen(2, RATE))
    nursery.start_soon(microphones.run, give_up)
    await wait_all_tasks_blocked()
    seconds, _ = client.sends_until_refused(2)
    assert seconds == pytest.approx(MAX_COOLING_S)


async def test_while_it_is_cool_each_stream_has_its_own_half_minute(client):
    client.sends_until_refused()
    client.microphones.open(AudioOpen(2, RATE))
    seconds, error = client.sends_until_refused(2)
    assert seconds == pytest.approx(MAX_WAITING_S)
    assert error.code is ErrorCode.BACKPRESSURE


@pytest.mark.requirement("T-2")
async def test_the_room_of_a_pause_ends_when_all_is_heard_though_the_stream_has_ended(client):
    client.limit(ThermalState.PAUSED)
    client.send(50)
    client.microphones.close(1)
    client.limit(ThermalState.NORMAL)
    await client.take(50)
    client.may_take = 0
    client.microphones.open(AudioOpen(2, RATE))
    seconds, error = client.sends_until_refused(2)
    assert seconds == pytest.approx(MAX_WAITING_S)
    assert error.code is ErrorCode.BACKPRESSURE


@pytest.mark.requirement("T-2")
async def test_what_was_kept_in_a_pause_keeps_its_room_until_it_is_heard(client):
    """The end of the pause does not end the stream of who has spoken through it."""
    client.limit(ThermalState.PAUSED)
    client.send(100)
    client.limit(ThermalState.NORMAL)
    client.send(10)
    for _ in range(55):  # twice as fast as real time
        await client.take(2)
        client.send(1)
    await client.take(60)
    assert len(client.heard) == 1650
    seconds, error = client.sends_until_refused()
    assert seconds == pytest.approx(MAX_WAITING_S), "and then it is as before"
    assert error.code is ErrorCode.BACKPRESSURE


@pytest.mark.requirement("T-2")
async def test_a_backlog_of_a_pause_is_bounded_also_after_it(client):
    client.limit(ThermalState.PAUSED)
    client.send(100)
    client.limit(ThermalState.NORMAL)
    seconds, error = client.sends_until_refused()
    assert 100 + seconds == pytest.approx(MAX_COOLING_S)
    assert error.code is ErrorCode.THERMAL_PAUSED


async def test_heat_that_comes_while_much_waits_gives_more_room(client):
    client.send(25)
    client.limit(ThermalState.PAUSED)
    seconds, _ = client.sends_until_refused()
    assert 25 + seconds == pytest.approx(MAX_COOLING_S)


async def test_without_speculation_there_is_no_more_room(client):
    client.limit(ThermalState.NO_SPECULATION)
    seconds, error = client.sends_until_refused()
    assert seconds == pytest.approx(MAX_WAITING_S)
    assert error.code is ErrorCode.BACKPRESSURE


async def test_it_tells_beforehand_whether_it_takes_a_frame(client):
    takes = client.microphones.takes
    client.limit(ThermalState.PAUSED)
    client.send(MAX_COOLING_S - FRAME_S)
    frame = client.frame()
    assert takes(frame)
    client.microphones.audio(frame)
    frame = client.frame()
    assert not takes(frame)
    with pytest.raises(ProtocolError):
        client.microphones.audio(frame)
    assert takes(client.frame()), "it drops what follows"
    assert not takes(client.frame(stream=2))


async def test_streams_are_heard_one_after_another_after_a_pause(client):
    client.limit(ThermalState.PAUSED)
    client.send(10)
    client.microphones.open(AudioOpen(2, RATE))
    client.send(60, stream=2)
    client.microphones.close(2)
    client.limit(ThermalState.NORMAL)
    await client.take(100)
    assert client.heard == [(1, n) for n in range(100)] + [(2, n) for n in range(600)]


async def test_too_many_streams_that_wait_are_refused_with_the_reason(client):
    client.limit(ThermalState.PAUSED)
    with pytest.raises(ProtocolError) as caught:  # noqa: PT012  (the one too many)
        for stream in range(2, 20):
            client.microphones.open(AudioOpen(stream, RATE))
            await trio.lowlevel.checkpoint()
    assert caught.value.code is ErrorCode.THERMAL_PAUSED
