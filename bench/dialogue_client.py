"""A simulated user with microphone and loudspeaker, for a session under virtual time.

It ticks every 20 ms: plays what has arrived, mixes the microphone (user, noise, echo of what was
played), sends that, and reports its playback. All times it notes are samples of its microphone, so
that a dialogue is the same each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import trio

from bench.dialogue_audio import MS, RATE, EchoPath, noise
from bench.dialogue_scenarios import Cue, Dialogue, Kind
from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import (
    Duck,
    Interrupt,
    StreamInterrupted,
    UserMessage,
)

if TYPE_CHECKING:
    from voicechat.protocol.messages.base import ClientMessage, ServerMessage
    from voicechat.session.session import Session

TICK = 20 * MS
OUTPUT_LATENCY = 40 * MS
"""From the arrival of a frame until it sounds."""
REPORT_EVERY = 200 * MS
LONGEST = 45 * RATE
_PATIENCE = 5 * RATE
"""So long the user waits for an answer before the next sentence."""
_LINGER = 700 * MS
"""How long an answer must have been heard to count as one."""
_AFTER_NOTHING = 1800 * MS
"""How long after a sound that wants nothing something may come of it."""
_LAST_TICKS = 10
HELLO = Hello(1, "dialogues", output_rate=RATE, reports_playback=True)


@attrs.define
class Played:
    """What became of one turn's speech at the loudspeaker; positions are microphone samples."""

    played: int = 0
    first: int | None = None
    last: int = 0
    ducked: int = 0
    gain: float = 1.0
    came: bool = False  # a frame of it has come
    whole: bool = False  # its last one has
    stopped: bool = False
    done: bool = False  # and that was reported
    reported_at: int = 0


@attrs.frozen
class Heard:
    """A dialogue as it went; times are ms of the microphone.

    Attributes:
        sounds: True begin and end of each of the user's; None where it never came to it.
        events: Time and message of all that the session sent; speech as (turn, samples).
        played: By turn.
    """

    sounds: tuple[tuple[float, float] | None, ...]
    events: tuple[tuple[float, Any], ...]
    played: dict[int, Played]


class Loudspeaker:
    """Plays without a gap what has arrived in time, and keeps all that sounded, for the echo."""

    def __init__(self) -> None:
        self.turns: dict[int, Played] = {}
        self.sounded = np.zeros(LONGEST + RATE)
        self._queue: list[tuple[int, int, np.ndarray]] = []  # turn, playable from, samples

    def of(self, turn: int) -> Played:
        """What is known about the speech of a turn."""
        return self.turns.setdefault(turn, Played())

    def put(self, frame: AudioFrame, now: int) -> None:
        """Take a frame that arrives."""
        turn = self.of(frame.stream)
        turn.came = True
        turn.whole |= frame.last
        if frame.samples and not turn.stopped:
            samples = np.frombuffer(frame.pcm, "<i2").astype(np.float64)
            self._queue.append((frame.stream, now + OUTPUT_LATENCY, samples))

    def stop(self, turn: int) -> None:
        """Drop what is left of a turn."""
        self.of(turn).stopped = True
        self._queue = [item for item in self._queue if item[0] != turn]

    def render(self, at: int) -> None:
        """Play the tick that begins at `at`."""
        position, end = at, at + TICK
        while position < end and self._queue:
            number, playable, samples = self._queue[0]
            if playable > position:
                position = min(playable, end)  # it has run dry
                continue
            part = samples[: end - position]
            turn = self.of(number)
            turn.first = position if turn.first is None else turn.first
            self.sounded[position : position + len(part)] = part * turn.gain
            position += len(part)
            turn.played += len(part)
            turn.last = position
            turn.ducked += len(part) if turn.gain < 1 else 0
            if len(part) == len(samples):
                self._queue.pop(0)
            else:
                self._queue[0] = (number, playable, samples[len(part) :])

    def waiting(self, turn: int) -> bool:
        """Whether there is more of it to play."""
        return any(item[0] == turn for item in self._queue)

    def reports(self, now: int) -> list[Playback]:
        """What is to be reported at the end of a tick."""
        found = []
        for number, turn in self.turns.items():
            over = turn.stopped or (turn.whole and not self.waiting(number))
            due = turn.first is not None and now - turn.reported_at >= REPORT_EVERY
            if turn.came and not turn.done and (over or due):
                turn.done = over
                turn.reported_at = now
                found.append(Playback(number, turn.played, done=over))
            elif turn.first is None:
                turn.reported_at = now
        return found


class Client:
    """Drives one session through a dialogue.

    Args:
        session: Runs already.
        dialogue: What to do.
        seed: Makes noise and room.
    """

    def __init__(self, session: Session, dialogue: Dialogue, seed: int) -> None:
        self._session = session
        self._dialogue = dialogue
        self._speaker = Loudspeaker()
        self._echo = EchoPath(*dialogue.echo, seed) if dialogue.echo else None
        self._noise = noise(10, dialogue.snr_db, seed)
        self._user = np.zeros(LONGEST + RATE)
        self._sounds: list[tuple[int, int]] = []
        self._events: list[tuple[float, Any]] = []
        self._seq = 0
        self._begun = 0.0
        self._ending: int | None = None

    async def run(self) -> Heard:
        """Have the dialogue; the session goes on."""
        self._begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._receive)
            await self._tell(AudioOpen(1, RATE))
            if self._dialogue.typed:
                await self._tell(UserMessage(self._dialogue.typed))
            at = 0
            while at < LONGEST and not self._over(at):
                at += TICK
                await trio.sleep_until(self._begun + at / RATE)
                await self._tick(at - TICK)
            # What is left of an answer is of no interest, but its trace is.
            await self._tell(Interrupt())
            for _ in range(_LAST_TICKS):
                at += TICK
                await trio.sleep_until(self._begun + at / RATE)
                await self._tick(at - TICK)
            nursery.cancel_scope.cancel()
        sounds = [(begin / MS, end / MS) for begin, end in self._sounds]
        missing = [None] * (len(self._dialogue.sounds) - len(sounds))
        return Heard((*sounds, *missing), tuple(self._events), self._speaker.turns)

    # -- inside --------------------------------------------------------------------------------

    @property
    def _now(self) -> int:
        return round((trio.current_time() - self._begun) * RATE)

    async def _receive(self) -> None:
        async for item in self._session.outbox:
            now = self._now
            if isinstance(item, AudioFrame):
                self._events.append((now / MS, (item.stream, item.samples)))
                self._speaker.put(item, now)
                continue
            self._take(item, now)

    def _take(self, message: ServerMessage, now: int) -> None:
        self._events.append((now / MS, message))
        match message:
            case StreamInterrupted(turn=turn):
                self._speaker.stop(turn)
            case Duck(turn=turn, gain=gain):
                self._speaker.of(turn).gain = gain

    async def _tell(self, message: ClientMessage) -> None:
        self._seq += 1
        self._session.requests.handle(Envelope(message, self._seq))

    async def _tick(self, at: int) -> None:
        """Play, hear and report the 20 ms from `at`, which are over now."""
        self._speaker.render(at)
        self._cue(at)
        x = self._user[at : at + TICK] + self._noise[np.arange(at, at + TICK) % len(self._noise)]
        if self._echo is not None:
            x = x + self._echo.heard(self._speaker.sounded, at, TICK)
        pcm = np.clip(np.round(x), -32768, 32767).astype("<i2").tobytes()
        self._session.microphones.audio(AudioFrame(FrameKind.MICROPHONE, 1, at // TICK, at, pcm))
        for report in self._speaker.reports(at + TICK):
            await self._tell(report)

    def _cue(self, at: int) -> None:
        """Begin the next sound if its time comes within this tick."""
        if len(self._sounds) == len(self._dialogue.sounds):
            return
        sound = self._dialogue.sounds[len(self._sounds)]
        waited_for = self._cued(sound.cue, at)
        if waited_for is None:
            return
        begin = max(at, waited_for + sound.after_ms * MS)
        if begin >= at + TICK:
            return
        samples = sound.make()
        self._user[begin : begin + len(samples)] += samples[: len(self._user) - begin]
        self._sounds.append((begin, begin + len(samples)))

    def _cued(self, cue: Cue, at: int) -> int | None:
        """The sample at which the cue was given."""
        if cue is Cue.BEGIN:
            return 0
        heard = [turn for turn in self._speaker.turns.values() if turn.first is not None]
        if cue is Cue.AUDIBLE:
            return heard[0].first if heard else None
        before = self._sounds[-1][1]
        done = [turn.last for turn in heard if turn.done and turn.last > before]
        if done:
            return max(done) if all(turn.done for turn in heard) else None
        return at if at - before >= _PATIENCE and all(turn.done for turn in heard) else None

    def _over(self, at: int) -> bool:
        """Whether all has been seen that this dialogue can show."""
        sounds = self._dialogue.sounds
        turns = self._speaker.turns.values()
        if not sounds:
            ended = [turn.last for turn in turns if turn.done]
            return bool(ended) and at - max(ended) >= _AFTER_NOTHING
        if len(self._sounds) < len(sounds):
            return all(turn.done for turn in turns) and self._cannot_come(at)
        end = self._sounds[-1][1]
        if sounds[-1].kind is not Kind.TURN:
            return at - end >= _AFTER_NOTHING
        answered = [t.first for t in turns if t.first is not None and t.last > end]
        if self._dialogue.interrupts:  # the answer that was to be interrupted does not count
            begin = self._sounds[-1][0]
            answered = [first for first in answered if first > begin]
        return at - end >= _PATIENCE or any(at - max(end, f) >= _LINGER for f in answered)

    def _cannot_come(self, at: int) -> bool:
        """Whether the next sound's cue, the first answer, has not come for too long."""
        nothing = not any(turn.first is not None for turn in self._speaker.turns.values())
        cue = self._dialogue.sounds[len(self._sounds)].cue
        return nothing and cue is Cue.AUDIBLE and at >= _PATIENCE
