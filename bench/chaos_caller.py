"""A person with a microphone, a loudspeaker and a keyboard, at the other end of a bad network.

It ticks every 20 ms: plays what has arrived, at the pace of real time, tells how far it is, and
sends what its microphone hears. It keeps all that its client tells it, for who judges.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import trio

from bench.chaos_said import Phase, Playing, Said, Seen
from bench.chaos_words import RATE, TICK, Room, speech
from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.client.state import Phase as LinkPhase
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error, Hello, Welcome
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    Origin,
    ResponseComplete,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.session import InputAck, SessionRestored, SessionTerminated

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from voicechat.client.client import Client

HELLO = Hello(1, "chaos", output_rate=RATE, reports_playback=True)
ANSWER_TIMEOUT_S = 45.0
_REPORT_EVERY = 10  # ticks
_SETTLES = RATE * 3 // 2
"""Samples behind a sentence within which its transcript may end."""


class Caller:
    """Uses one client.

    Args:
        client: Has its session or gets it.
        chance: For the noise of the room.

    Attributes:
        said: All of it, in order.
        seen: All that the client told.
        strange: Transcripts that belong to nothing that was said.
        unanswered: What had no answer.
        refusals: What the server said against it.
        user_key: Opens its history.
        phase: What goes on.
        losses: How often the client has noticed that its server is lost.
        offline: How much was said while it was.
        restores: When the session was there again.
        begun_anew: When a new session stood for an empty one that was gone.
        outcomes: How the answers ended, by turn.
    """

    def __init__(self, client: Client, chance: Random) -> None:
        self.client = client
        self.said: list[Said] = []
        self.seen: list[Seen] = []
        self.strange: list[TranscriptFinal | TurnStarted] = []
        self.user_key = ""
        self.unanswered: list[Said] = []
        self.refusals: list[Any] = []
        self.phase = Phase.LISTENING
        self.losses = 0
        self.offline = 0
        self.restores: list[tuple[float, SessionRestored]] = []
        self.begun_anew: list[float] = []
        self.outcomes: dict[int, str] = {}
        self._room = Room(chance)
        self._changed = trio.Event()
        self._speaking: deque[bytes] = deque()
        self._heard = 0
        self._loudspeaker: dict[int, Playing] = {}
        self._ticks = 0
        self._life = 0

    # -- what the caller does ------------------------------------------------------------------

    async def run(self) -> None:
        """Hear, speak and listen until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            await self.client.ready()
            self.client.open_microphone(RATE)
            begun = trio.current_time()
            while True:
                self._ticks += 1
                await trio.sleep_until(begun + self._ticks * TICK / RATE)
                self._tick()

    def type(self, text: str, answer: str = "") -> Said:
        """Send a message."""
        said = Said(text, number=self.client.text(text), answer=answer)
        self._begin(said)
        self._enter(Phase.THINKING)
        return said

    async def say(self, sentence: str, words: str | None = None) -> Said:
        """Speak a sentence to its end; `words` are what is recognised, where that is known."""
        pcm = speech(sentence)
        said = Said(words or sentence, begin=self._heard, end=self._heard + len(pcm) // 2)
        self._begin(said)
        self._speaking.extend(pcm[at : at + 2 * TICK] for at in range(0, len(pcm), 2 * TICK))
        self._enter(Phase.MID_WORD)
        await self.until(lambda: not self._speaking)
        self._enter(Phase.THINKING)
        return said

    async def answered(self, said: Said) -> bool:
        """Listen to the end of the answer; False if none comes."""
        with trio.move_on_after(ANSWER_TIMEOUT_S):
            await self.until(lambda: said.turn is not None and self._is_over(said.turn))
            self._enter(Phase.LISTENING)
            return True
        self.unanswered.append(said)
        self._enter(Phase.LISTENING)
        return False

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something that this caller knows is so."""
        while not done():
            await self.changes()

    async def changes(self) -> None:
        """Wait until this caller knows something else."""
        await self._changed.wait()

    def drop_answers(self) -> None:
        """Those that are open will not go on: their server is gone."""
        self._loudspeaker.clear()

    # -- inside --------------------------------------------------------------------------------

    def _begin(self, said: Said) -> None:
        self.said.append(said)
        self.offline += self.client.state.phase is not LinkPhase.CONNECTED

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._change()

    def _is_over(self, turn: int) -> bool:
        return turn in self.outcomes and turn not in self._loudspeaker

    def _tick(self) -> None:
        pcm = self._speaking.popleft() if self._speaking else b""
        self.client.audio(self._room.tick(pcm))
        self._heard += TICK
        if pcm and not self._speaking:
            self._change()
        for playing in list(self._loudspeaker.values()):
            self._play(playing)

    def _play(self, playing: Playing) -> None:
        playing.played = min(playing.played + TICK, playing.arrived)
        done = playing.turn in self.outcomes or playing.whole
        done = done and playing.played == playing.arrived
        if done or (playing.arrived and self._ticks - playing.reported >= _REPORT_EVERY):
            playing.reported = self._ticks
            self.client.played(playing.turn, playing.played, done=done)
        if done:
            del self._loudspeaker[playing.turn]
            self._change()

    async def _follow(self) -> None:
        events = self.client.events()
        async for event in events:
            self._take(event)
            self.seen.append(Seen(trio.current_time(), event, events.seq, self._life))
            self._change()

    def _take(self, event: Any) -> None:
        match event:
            case AudioFrame(stream=turn, samples=samples, last=last):
                playing = self._loudspeaker.setdefault(turn, Playing(turn))
                playing.arrived += samples
                playing.whole = last
                if self.phase is Phase.THINKING:
                    self._enter(Phase.ANSWERING)
            case Welcome(user_key=key):
                self.user_key = key
            case StateChanged(state=state) if state.phase is LinkPhase.RECONNECTING:
                self.losses += 1
            case SessionRestored():
                self.restores.append((trio.current_time(), event))
                self._life += event.history is not None
            case Restored(fresh=True) if self._nothing_known:
                self._life += 1
                self.begun_anew.append(trio.current_time())
            case Error(code=ErrorCode.SESSION_NOT_FOUND) if self._nothing_known:
                pass
            case Restored(fresh=fresh, audio_lost_s=lost_s) if fresh or lost_s:
                self.refusals.append(event)
            case SessionTerminated() | Error():
                self.refusals.append(event)
            case MessageReceived(client_seq=number, turn=turn):
                for said in self._typed(number):
                    said.take(turn, said.text)
            case InputAck(client_seq=number):
                for said in self.said:
                    said.known |= said.number is not None and said.number <= number
            case TranscriptFinal(accepted=True) if event.text:
                self._transcript(event)
            case TurnStarted(origin=Origin.NOTICE, turn=turn):
                self.strange.append(event)
            case ResponseComplete(turn=turn):
                self.outcomes[turn] = "complete"
            case StreamInterrupted(turn=turn):
                self.outcomes[turn] = "interrupted"
                self._loudspeaker.pop(turn, None)
            case StreamError(turn=turn):
                self.outcomes[turn] = "error"

    @property
    def _nothing_known(self) -> bool:
        """Whether the server may have forgotten the session: it keeps none that is empty."""
        return not any(said.known for said in self.said)

    def _typed(self, number: int | None) -> list[Said]:
        return [said for said in self.said if said.number == number and number is not None]

    def _transcript(self, final: TranscriptFinal) -> None:
        at = None
        if final.stream is not None:
            at = self.client.position(final.stream, final.until)
        for said in reversed(self.said):
            if said.number is None and at is not None and said.begin < at < said.end + _SETTLES:
                said.take(final.turn, final.text)
                return
        self.strange.append(final)
