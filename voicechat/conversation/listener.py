"""Listens to one microphone stream after another of a session, and tells what was heard."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from voicechat.conversation.ear import Ear
from voicechat.conversation.finished import Patience
from voicechat.conversation.hearing import Hearing
from voicechat.conversation.rules import Rules
from voicechat.protocol.messages.audio import ListenMode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.conversation.conversation import Conversation
    from voicechat.conversation.ear import Microphone
    from voicechat.conversation.emit import Emit
    from voicechat.errors import VoicechatError
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.settings import Conversation as ConversationSettings
    from voicechat.speech.ports import EndOfTurn, SpeechToText, VoiceActivity
    from voicechat.thermal.slot import Owner


class Listener:
    """Listens for one session.

    Args:
        vad: Tells speech from the rest.
        stt: Recognises.
        end_of_turn: Hears by the voice whether a speaker has finished; None where nobody does.
        emit: Reaches the client.
        conversation: Takes each utterance, and knows what there is of an answer.
        report: Told what went wrong with an utterance.
        settings: Silence, pre-roll and limits.
        vad_threshold: Probability 0…1 from which a frame is speech.
        owner: For whom, at the gate of inference.
    """

    def __init__(
        self,
        *,
        vad: VoiceActivity,
        stt: SpeechToText,
        end_of_turn: EndOfTurn | None = None,
        emit: Emit,
        conversation: Conversation,
        report: Callable[[VoicechatError], Awaitable[None]],
        settings: ConversationSettings,
        vad_threshold: float,
        owner: Owner,
    ) -> None:
        self._vad = vad
        self._stt = stt
        self._end_of_turn = end_of_turn
        self._emit = emit
        self._conversation = conversation
        self._report = report
        self._settings = settings
        self._vad_threshold = vad_threshold
        self._owner = owner
        self._hearing: Hearing | None = None
        self._patience = settings.patience

    @property
    def patience(self) -> float:
        """How long pauses are waited for, 0…1; can be changed at any time."""
        return self._patience

    @patience.setter
    def patience(self, patience: float) -> None:
        self._patience = patience
        if self._hearing is not None:
            self._hearing.rules = self._rules(hands_free=self._hearing.rules.hands_free)

    async def listen(self, stream: AudioOpen, audio: Microphone) -> None:
        """Serve the stream until its channel is closed; what is open then is a finished turn.

        An utterance whose recognition breaks down is reported, and the next one is listened to.
        """
        self._hearing = Hearing(
            Ear(stream, audio, self._vad, self._settings, self._vad_threshold, self._tell),
            self._rules(hands_free=stream.mode is ListenMode.HANDS_FREE),
            stt=self._stt,
            end_of_turn=self._end_of_turn,
            emit=self._emit,
            conversation=self._conversation,
            report=self._report,
            pre_roll_ms=self._settings.pre_roll_ms,
            owner=self._owner,
        )
        async with aclosing(audio):
            await self._hearing.run()
        self._hearing = None

    async def _tell(self, item: ServerMessage | AudioFrame) -> None:
        """Tell the client what the ear notices."""
        if self._hearing is not None:
            await self._hearing.tell(item)

    def _rules(self, *, hands_free: bool) -> Rules:
        settings = self._settings
        return Rules(
            patience=Patience(
                self._patience, settings.endpoint_floor_ms, settings.endpoint_ceiling_ms
            ),
            max_length_ms=settings.max_utterance_s * 1000,
            reopen_ms=settings.reopen_ms,
            barge_in_ms=settings.barge_in_ms,
            barge_in=settings.barge_in,
            hands_free=hands_free,
            speculation=settings.speculation,
        )
