"""Holds one spoken conversation with a server from a recording, at the pace of real time.

It is a complete client without a sound card: it streams the recording as a microphone would, then
silence until the last answer has come, and keeps what is spoken back. A network that is lost and
comes back does not end it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from voicechat.cli.talk_events import SpokenTurn, described
from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.client.state import Phase, Reason
from voicechat.errors import ErrorCode, VoicechatError
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import SpeechEnded, SpeechStarted
from voicechat.protocol.messages.connection import Error, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    Duck,
    ResponseComplete,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TranscriptPartial,
    TurnStarted,
)
from voicechat.protocol.messages.session import (
    EndReason,
    EntryStatus,
    InputAck,
    SessionReady,
    SessionRestored,
    SessionTerminated,
    Speaker,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.client.client import Client
    from voicechat.client.state import State
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.session import HistoryEntry
    from voicechat.speech.wav import WavAudio

_FRAME_MS = 20
_QUIET_S = 1.5
"""So long nothing may happen after the recording before the conversation is taken to be over."""
_UNHEARD_S = 5.0
"""… or so long, where the server has not said that it has heard all of it."""
_ANSWER_TIMEOUT_S = 60.0
_NOT_FATAL = frozenset({ErrorCode.SESSION_EXPIRED, ErrorCode.SESSION_NOT_FOUND})
"""The client begins a new session by itself."""
_OUTCOMES = {
    EntryStatus.COMPLETE: "complete",
    EntryStatus.INTERRUPTED: "interrupted",
    EntryStatus.FAILED: "error",
    EntryStatus.LOST: "lost",
}


_CONVERSATION = (
    AudioFrame,
    Duck,
    ResponseComplete,
    SpeechEnded,
    SpeechStarted,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TranscriptPartial,
    TurnStarted,
)
"""What shows that the server is busy with what was said; the rest comes all the time."""


class TalkFailed(VoicechatError):
    """The conversation broke off: the server ended it or stopped answering."""


class TalkClient:
    """Streams one recording.

    Args:
        client: Comes back when its network is lost.
        wav: The recording.
        on_event: Called with each thing that happens, as the JSON object that `--json` prints.

    Attributes:
        turns: What was said and answered in the session, by turn.
        audio: The spoken answers, one behind the other, at `OUTPUT_RATE`.
        failure: Why the conversation broke off; None when it came to its end.
    """

    def __init__(
        self, client: Client, *, wav: WavAudio, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._client = client
        self._wav = wav
        self._on_event = on_event
        self._began: float | None = None
        self._active_at = self._connected_at = trio.current_time()
        self._heard_all = False  # the whole recording is settled at the server
        self._speaking = False
        self._undecided = False
        self._speech_end_ms: float | None = None
        self._open: set[int] = set()
        self._ready = trio.Event()
        self._shutting_down = False
        self.failure: TalkFailed | None = None
        self._before: list[SpokenTurn] = []
        self.turns: dict[int, SpokenTurn] = {}
        self.audio = bytearray()

    @property
    def spoken(self) -> list[SpokenTurn]:
        """All turns, with those of a session that was over when the client came back."""
        return [*self._before, *self.turns.values()]

    async def run(self) -> None:
        """Talk until the last answer has come, or until `failure` says why it cannot."""
        try:
            await self._talk()
        except* TalkFailed as group:
            self.failure = next(
                error for error in group.exceptions if isinstance(error, TalkFailed)
            )

    async def _talk(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._receive, nursery.cancel_scope)
            with trio.move_on_after(_ANSWER_TIMEOUT_S) as waiting:
                await self._ready.wait()
            if waiting.cancelled_caught:
                raise TalkFailed("The server did not say welcome.")
            await self._stream()
            nursery.cancel_scope.cancel()

    # -- sending -------------------------------------------------------------------------------

    async def _stream(self) -> None:
        rate = self._wav.rate
        self._client.open_microphone(rate)
        self._began = self._active_at = trio.current_time()
        size = rate * _FRAME_MS // 1000 * 2
        offset = 0
        while True:
            pcm = self._wav.pcm[2 * offset : 2 * offset + size]
            at_end = len(pcm) < size
            pcm += bytes(size - len(pcm))
            offset += len(pcm) // 2
            # A microphone gives a frame when its last sample has been heard, not before.
            await trio.sleep_until(self._began + offset / rate)
            self._client.audio(pcm)
            if not at_end:
                self._active_at = trio.current_time()
            elif self._over():
                break
        self._client.close_microphone()

    def _over(self) -> bool:
        """After the recording: is everything answered, and has it been quiet for a while?"""
        if self._client.state.phase is not Phase.CONNECTED:
            return False
        now = trio.current_time()
        waited = now - max(self._active_at, self._connected_at)
        if self._speaking or self._undecided or self._open:
            if waited > _ANSWER_TIMEOUT_S:
                raise TalkFailed(f"The server has not answered for {_ANSWER_TIMEOUT_S:.0f} s.")
            return False
        return waited >= _UNHEARD_S or (self._heard_all and now - self._active_at >= _QUIET_S)

    # -- receiving -----------------------------------------------------------------------------

    async def _receive(self, conversation: trio.CancelScope) -> None:
        events = self._client.events()
        async for event in events:
            now = trio.current_time()
            if isinstance(event, _CONVERSATION):
                self._active_at = now
            t_ms = 0.0 if self._began is None else round((now - self._began) * 1000, 1)
            self._on_event({"t_ms": t_ms} | described(event, events.seq))
            match event:
                case AudioFrame():
                    self._speech(event, t_ms)
                case StateChanged(state=state):
                    self._connected_at = now
                    if self._ends(state):
                        conversation.cancel()
                case Restored(fresh=True):  # its turns are numbered anew
                    self._catch_up(())
                    self._before += self.turns.values()
                    self.turns = {}
                case Restored():
                    pass
                case _:
                    self._follow(event)

    def _ends(self, state: State) -> bool:
        """Whether a server that cannot be reached any more was told all, and has answered it.

        Raises:
            TalkFailed: It has not, and no further try will be made.
        """
        if state.phase is Phase.CONNECTED:
            self._shutting_down = False
            return False
        if self._shutting_down and not self._open and not self._undecided:
            return True
        if state.phase is not Phase.OFFLINE:
            return False
        what = "could not be reached again" if state.reason is Reason.GAVE_UP else "hung up"
        told = f" It says: {state.message}" if state.message else ""
        raise TalkFailed(
            f"The server {'shut down' if self._shutting_down else what} before the last answer."
            f"{told}",
            suggested_action="Try again when it is running; its log tells why.",
        )

    def _speech(self, frame: AudioFrame, t_ms: float) -> None:
        turn = self.turns.setdefault(frame.stream, SpokenTurn(frame.stream))
        if turn.first_audio_ms is None:
            turn.first_audio_ms = t_ms
        turn.samples += frame.samples
        self.audio += frame.pcm

    def _follow(self, message: ServerMessage) -> None:  # noqa: C901, PLR0912  (one case a message)
        match message:
            case SessionReady():
                self._ready.set()
            case SessionRestored(history=history) if history is not None:
                self._catch_up(history)
            case InputAck(stream=stream, samples=samples) if stream is not None:
                said = self._client.position(stream, samples)
                self._heard_all = said is not None and said >= len(self._wav.pcm) // 2
            case SpeechStarted():
                self._speaking = self._undecided = True
            case SpeechEnded(stream=stream, at=at):
                self._speaking = False
                said = self._client.position(stream, at)
                self._speech_end_ms = (at if said is None else said) / self._wav.rate * 1000
            case TranscriptFinal(text=text, accepted=accepted, turn=number):
                self._speaking = self._undecided = False
                if number is not None:
                    self._open.add(number)
                    self.turns[number] = SpokenTurn(
                        number, text, accepted, speech_end_ms=self._speech_end_ms
                    )
            case TurnStarted(turn=number):
                self._open.add(number)
                self.turns.setdefault(number, SpokenTurn(number))
            case ResponseComplete(turn=number, text=text, timings=timings):
                self._end(number, "complete")
                self.turns[number].answer = text
                self.turns[number].timings = timings
            case StreamInterrupted(turn=number):
                self._end(number, "interrupted")
            case StreamError(turn=number):
                self._end(number, "error")
            case ServerShuttingDown():
                self._shutting_down = True
            case SessionTerminated(reason=reason, message=text) if reason != EndReason.SHUTDOWN:
                raise TalkFailed(text)
            case Error(message=text, code=code) if code not in _NOT_FATAL:
                raise TalkFailed(text, code=code, suggested_action=message.suggested_action)
            case _:
                pass

    def _catch_up(self, history: tuple[HistoryEntry, ...]) -> None:
        """The server began anew: `history` is all that became of what was said before."""
        self._speaking = self._undecided = False  # what is not settled is heard again
        answered = {entry.turn: entry for entry in history if entry.speaker is Speaker.ASSISTANT}
        for number in sorted(self._open):
            entry = answered.get(number)
            if entry is None:
                self._end(number, "lost")
            elif entry.status is not EntryStatus.OPEN:
                self._end(number, _OUTCOMES[entry.status])
                self.turns[number].answer = entry.text

    def _end(self, number: int, outcome: str) -> None:
        self._open.discard(number)
        self.turns.setdefault(number, SpokenTurn(number)).outcome = outcome
