"""One session: a nursery of its own with conversation and listener; it outlives its connections.

It is a sibling of connections, not a child: one at a time drives it and carries away what it sends.
While there is none it goes on, until what it sends finds no more room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.conversation.conversation import Conversation
from voicechat.conversation.listener import Listener
from voicechat.conversation.notice import WORDS
from voicechat.conversation.speaker import Speech
from voicechat.observability.tasks import owner
from voicechat.protocol.messages.conversation import StreamError, StreamInterrupted
from voicechat.protocol.messages.session import SessionRestarting
from voicechat.session.driver import Driver
from voicechat.session.heat import Heat
from voicechat.session.incoming import Incoming
from voicechat.session.keeper import Keeper
from voicechat.session.microphones import Microphones
from voicechat.session.outbox import Outbox
from voicechat.session.outgoing import Outgoing
from voicechat.session.requests import Requests, told
from voicechat.session.safety import Safety
from voicechat.session.tap import NoTap
from voicechat.thermal.slot import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.notice import Notice
    from voicechat.conversation.thinking import Thinkers
    from voicechat.errors import VoicechatError
    from voicechat.protocol.codec import Codec
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.heat import Climate
    from voicechat.session.outgoing import Item
    from voicechat.session.store.ports import SessionRecord
    from voicechat.session.tap import Tap
    from voicechat.settings import Settings
    from voicechat.speech.ports import EndOfTurn, SpeechToText, TextToSpeech, VoiceActivity
    from voicechat.thermal.gate import InferenceGate

log = structlog.get_logger()


class Session:
    """Everything of one user's conversation; `run` owns its tasks.

    Args:
        session_id: Safe to log.
        hello: What the client asked for.
        thinkers: Think for this session alone.
        vad: Shared by all sessions, as are `stt` and `tts`.
        stt: Recognises.
        tts: Speaks.
        gate: All inference passes it.
        codec: Encodes messages.
        settings: The whole tree.
        end_of_turn: Hears by the voice whether a speaker has finished.
        tap: Is told of all that comes and goes.
        climate: Knows how hot the machine is; without it the client is not told.
        notice: Says by voice that the machine has to cool down.
        on_turn: Told of each turn that has ended, for metrics.
        keeper: Keeps what is said.
        past: What was kept of it beside that, when it was there before.

    Attributes:
        driver: The connection that drives it.
        requests: Does what its client asks for.
        on_words: Told whenever something was said or answered.
        on_work: Told True when there is something to answer, and when there is not whether the
            agent has work of its own.
    """

    def __init__(
        self,
        session_id: str,
        hello: Hello,
        *,
        thinkers: Thinkers,
        vad: VoiceActivity,
        stt: SpeechToText,
        tts: TextToSpeech,
        gate: InferenceGate,
        codec: Codec,
        settings: Settings,
        end_of_turn: EndOfTurn | None = None,
        tap: Tap | None = None,
        climate: Climate | None = None,
        notice: Notice | None = None,
        on_turn: Callable[[TurnTrace], None] = lambda _: None,
        keeper: Keeper | None = None,
        past: SessionRecord | None = None,
    ) -> None:
        self.id = session_id
        self.hello = hello
        self.on_words: Callable[[], None] = lambda: None
        self.on_work: Callable[[bool], None] = lambda _: None
        self.ended = trio.Event()
        self.failed = False
        self._tap: Tap = tap or NoTap()
        self._keeper = keeper or Keeper(session_id)
        self._scope = trio.CancelScope()
        self._notice = notice
        box = Outbox(
            max_bytes=settings.sessions.replay_kb * 1024,
            speech_age_s=settings.sessions.resume_window_s,
            keeps=hello.acknowledges,
            reports=hello.reports_playback,
        )
        self.incoming = Incoming(
            numbered=hello.acknowledges, taken=0 if past is None else past.client_seq
        )
        self._safety = Safety(self._keeper, self.incoming, self._said, self.tell)
        self.outbox = Outgoing(box, self._tap.sent, self._safety.keep)
        self.microphones = Microphones(
            self._tap, gate, self.incoming.silence, self.incoming.listened
        )
        self._heat = None if climate is None else Heat(climate, self.emit, self._say_notice)
        self._thinkers = thinkers
        thinkers.on_wake = self._woken
        owner = Owner(gate, session_id)
        if self._heat is not None:
            owner.on_wait = self._heat.on_wait
        self.conversation = Conversation(
            thinkers=thinkers,
            owner=owner,
            speech=Speech(
                tts,
                rate=hello.output_rate,
                reports=hello.reports_playback,
                ahead_s=settings.conversation.audio_ahead_ms / 1000,
            ),
            emit=self.emit,
            report=self.report,
            speak=hello.speak,
            on_trace=on_turn,
        )
        self._listener = Listener(
            vad=vad,
            stt=stt,
            end_of_turn=end_of_turn,
            emit=self.emit,
            conversation=self.conversation,
            report=self.report,
            settings=settings.conversation,
            vad_threshold=settings.speech.vad_threshold,
            owner=owner,
        )
        self.driver = Driver(
            self.outbox,
            self.incoming,
            codec,
            self._keeper.transcript,
            self.conversation.presence,
            lambda: None if self._heat is None else self._heat.greet(),
        )
        self.requests = Requests(self, self._tap, self._listener, self._safety)
        if past is not None:
            transcript = self._keeper.transcript
            last = max(past.last_turn, transcript.last_turn)
            self.conversation.restore(transcript.messages(), last)
            self.incoming.restore(past.stream, past.samples)

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the session's tasks until `end`; a fault inside ends this session only."""
        owner.set(self.id)
        with structlog.contextvars.bound_contextvars(session_id=self.id):
            try:
                async with trio.open_nursery() as followed:
                    followed.start_soon(self._tap.run)
                    try:
                        with self._scope:
                            async with trio.open_nursery() as nursery:
                                nursery.start_soon(self.conversation.run)
                                nursery.start_soon(self.microphones.run, self._listener.listen)
                                nursery.start_soon(self._watch_work)
                                if self._heat is not None:
                                    nursery.start_soon(self._heat.run)
                    except Exception:
                        self.failed = True  # known before anybody learns that it is over
                        raise
                    finally:
                        self.outbox.close()  # what the tap has still to do holds nobody up
                        followed.cancel_scope.cancel()
            except Exception:  # the barrier of a session
                self.failed = True
                log.exception("session failed")
            finally:
                self.outbox.close()
                self._keeper.end()
                self.ended.set()

    def end(self) -> None:
        """Cancel everything of this session, at once."""
        self._scope.cancel()

    def rest(self) -> bool:
        """Release the agent until it is needed; False where it is busy."""
        return self._thinkers.rest()

    @property
    def title(self) -> str:
        """From the first words of its user."""
        return self._keeper.transcript.title

    @property
    def patience(self) -> float:
        """How long pauses are waited for, 0…1."""
        return self._listener.patience

    # -- to the client -------------------------------------------------------------------------

    async def emit(self, item: Item) -> None:
        """Send a message or frame; waits while the client is slow, or away for long."""
        if isinstance(item, StreamInterrupted | StreamError):
            self.outbox.silence(item.turn)
        await self.outbox.send(item)

    def tell(self, message: ServerMessage) -> None:
        """Send a message at once, however slow the client is."""
        self.outbox.post(message)

    async def report(self, error: VoicechatError) -> None:
        """Tell the client that something could not be done."""
        await self.emit(told(error))

    # -- inside --------------------------------------------------------------------------------

    def _said(self) -> None:
        self.on_words()

    async def _watch_work(self) -> None:
        while True:
            await self.conversation.until(idle=False)
            self.on_work(True)
            await self.conversation.until(idle=True)
            self.on_work(self._thinkers.busy)

    def _woken(self) -> None:
        self.tell(SessionRestarting("idle"))

    async def _say_notice(self) -> bool:
        if self._notice is None or not self._notice.pcm:
            return True
        return await self.conversation.notice(WORDS, self._notice.pcm)
