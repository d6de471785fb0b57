"""Follows one microphone stream from utterance to utterance, and carries out what is decided.

A straight loop over frames of audio. While it waits for the recogniser the next audio waits behind
it, bounded; decisions are made at positions of the stream, so that delays and does not change them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs
import trio

from voicechat.conversation.cooling import CoolingTime
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.finished import Words
from voicechat.conversation.judging import Judge
from voicechat.conversation.turn_taking import USER_STATES, State, TurnTaking
from voicechat.conversation.utterance import Feed, Heard, Partial, recognizing
from voicechat.conversation.voice import Voice
from voicechat.errors import ProtocolError, expected
from voicechat.protocol.messages.conversation import TranscriptPartial
from voicechat.speech.audio import Recent
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.conversation.conversation import Conversation
    from voicechat.conversation.decisions import Decision
    from voicechat.conversation.ear import Ear
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.rules import Rules
    from voicechat.errors import VoicechatError
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.speech.ports import EndOfTurn, SpeechToText, Utterance
    from voicechat.thermal.slot import Owner, Slot

_MS = INPUT_RATE // 1000
_NOTICED = 200 * _MS
"""Audio that has passed when speech is noticed, at most; it is kept beside the pre-roll."""
_STALLED_S = 5.0
"""A microphone that says nothing for so long in mid-utterance has gone: others want the decoder."""
_LATE_NOTICED = 200 * _MS  # a voice over the assistant's own is noticed so late, at most


class Hearing:
    """Follows one stream.

    Args:
        ear: Its frames, with voice activity.
        rules: How turns are taken.
        stt: Recognises.
        end_of_turn: Hears by the voice whether a speaker has finished.
        emit: Reaches the client.
        conversation: Takes each utterance, and knows what there is of an answer.
        report: Told what went wrong with an utterance.
        pre_roll_ms: Audio to hear from before speech was noticed.
        owner: For whom, at the gate of inference.
    """

    def __init__(
        self,
        ear: Ear,
        rules: Rules,
        *,
        stt: SpeechToText,
        end_of_turn: EndOfTurn | None,
        emit: Emit,
        conversation: Conversation,
        report: Callable[[VoicechatError], Awaitable[None]],
        pre_roll_ms: int,
        owner: Owner,
    ) -> None:
        self._ear = ear
        self._stt = stt
        self._emit = emit
        self._conversation = conversation
        self._report = report
        self._pre_roll = pre_roll_ms * _MS
        self._owner = owner
        self._taking = TurnTaking(rules)
        self._recent = Recent()
        self._judge = Judge(self._taking, ear, conversation, self._recent, Voice(end_of_turn))
        self._newest = b""
        self._taken = 0  # audio before this belongs to the utterance before
        self._begin = 0  # where the utterance that is open is heard from
        self._before: Heard | None = None  # the last utterance, while it may be taken up again
        self._before_begin = 0
        self._replaces: int | None = None
        self._served = False
        self._slot: Slot | None = None  # of the utterance that is open, or was last

    @property
    def rules(self) -> Rules:
        """How turns are taken; can be changed at any time."""
        return self._taking.rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._taking.rules = rules

    async def run(self) -> None:
        """Follow the stream to its end."""
        while await self._wait_for_speech():
            self._conversation.user_speaks(speaks=True)
            try:
                await self._serve_utterance()
            finally:
                self._conversation.user_speaks(speaks=False)
        if not self.rules.hands_free and not self._served:
            # Who held a key down to speak wants to know that nothing was heard.
            await self._emit(self._ear.nothing(accepted=False))

    async def tell(self, item: ServerMessage | AudioFrame) -> None:
        """Tell the client; who waits for a slow one does not hold up others who want to compute."""
        if self._slot is None or not self._slot.held:
            await self._emit(item)
            return
        async with self._slot.away():
            await self._emit(item)

    # -- between utterances --------------------------------------------------------------------

    async def _wait_for_speech(self) -> bool:
        """Wait until speech begins; False at the end."""
        self._taken = self._ear.position
        self._replaces = None
        while await self._next():
            if self._replaces is None:
                self._begin = max(self._begin, self._taken)
            if self._taking.state in USER_STATES:
                return True
        return False

    async def _next(self, patience: float = math.inf) -> bool:
        """Take in the next frame; False at the end, or when none comes in time."""
        sound = await self._ear.next(patience)
        if sound is None:
            return False
        position = self._ear.position
        self._newest = sound.pcm
        self._recent.push(sound.pcm)
        open_before = self._taking.state in USER_STATES
        effect = self._taking.hear(
            position,
            self._conversation.answer(self._ear.heard_at),
            started=sound.started,
            ended=sound.ended,
            fading=not sound.voiced,
        )
        if effect is Effect.WITHDRAW:
            self._conversation.withdraw()
        elif effect is Effect.REOPEN:
            self._reopen()
        elif not open_before and self._taking.state in USER_STATES:
            noticed = position - len(sound.pcm) // 2
            self._begin = noticed if sound.audio_from is None else sound.audio_from
        elif not open_before:
            self._forget(position)
        return True

    def _reopen(self) -> None:
        self._replaces = self._conversation.reopen()
        self._begin = self._before_begin

    def _forget(self, position: int) -> None:
        """Keep no more than what the next utterance, or the last one taken up again, needs."""
        keep = position - self._pre_roll - _NOTICED
        if self._before is not None:
            if position - self._before.endpoint.at <= (self.rules.reopen_ms + 200) * _MS:
                keep = min(keep, self._before_begin)
            else:
                self._before = None
        self._recent.forget(keep)
        self._ear.settle(keep)

    # -- an utterance --------------------------------------------------------------------------

    async def _serve_utterance(self) -> None:
        self._served = understandable = True
        heard: Heard | None = None
        try:
            heard = await self._utterance()
        except Exception as error:
            if (known := expected(error)) is None:
                raise
            await self._report(known)
            await self._skip()
            understandable = False
        before = self._before if self._replaces is not None else None
        if before is not None and (heard is None or not heard.transcript.accepted):
            # What came after an accepted question was nothing: the question stands.
            heard = attrs.evolve(before, replaces=self._replaces)
        if heard is None:
            self._conversation.withdraw()
            await self._emit(self._ear.nothing(accepted=understandable))
            return
        self._before, self._before_begin = heard, self._begin
        try:
            await self._conversation.heard(heard)
        except ProtocolError as error:
            await self._report(error)

    async def _skip(self) -> None:
        """Let the utterance that is open pass, because nobody can recognise it."""
        while self._taking.state in USER_STATES and await self._next(_STALLED_S):
            self._taking.answer = self._conversation.answer(self._ear.heard_at)
            await self._carry_out(self._taking.decide(Words()))
        if self._taking.state is State.INTERRUPTED:
            await self._conversation.false_alarm()
        self._taking.close()

    async def _utterance(self) -> Heard | None:
        """Recognise what is being said; None when it was no speech, or not for us."""
        partial, cooling = Partial(), CoolingTime(self._owner)
        while True:
            await self._conversation.presence.back()
            async with recognizing(self._stt, partial, cooling.owner) as (utterance, slot):
                self._slot = slot
                await utterance.feed(self._recent.since(self._begin))
                endpoint = await self._follow(utterance, partial, slot)
                if endpoint is Effect.REOPEN or isinstance(endpoint, Listen | str):
                    continue  # from another place, or when the client is back
                if endpoint is None:
                    return None
                endpoint_at = trio.current_time()
                transcript = await utterance.finish()
                break
        heard = Heard(
            transcript,
            endpoint,
            (endpoint.speech_end - self._taking.began) / _MS,
            min(self._ear.arrival(endpoint.speech_end), endpoint_at),
            endpoint_at,
            trio.current_time(),
            self._replaces,
            cooling.seconds,
            self._ear.stream,
            self._ear.followed,
        )
        heard.log()
        return heard

    async def _follow(
        self, utterance: Utterance, partial: Partial, slot: Slot
    ) -> Endpoint | Listen | Literal[Effect.REOPEN, "away"] | None:
        """Feed audio until the utterance is over, or has to be heard from another place.

        Returns:
            None when it was nothing; "away" when the client has gone in the middle.
        """
        feed = Feed(utterance)
        while True:
            if (text := partial.take()) is not None:
                await self.tell(TranscriptPartial(text))
            decision = await self._judge.decide(utterance, self._begin, self._newest)
            if decision is not None:
                async with slot.away():
                    await self._carry_out(decision)
            if isinstance(decision, Endpoint | Listen) or decision is Effect.REOPEN:
                return decision
            if decision is Effect.FALSE_ALARM:
                return None
            if not await self._next_heard(utterance, slot):
                if not self._conversation.presence.there:
                    return "away"
                if self._taking.state is State.INTERRUPTED:
                    await self._conversation.false_alarm()
                return self._taking.close()
            await feed.follow(self._newest, self._recent, self._taking.silence)

    async def _next_heard(self, utterance: Utterance, slot: Slot) -> bool:
        """Take in the next frame of an utterance; only who has to wait for it gives way to all."""
        if self._ear.behind:
            await slot.checkpoint()
            return await self._next(_STALLED_S)
        if self._owner.gate.restricted:
            await utterance.caught_up()
        async with slot.away():
            return await self._next(_STALLED_S)

    async def _carry_out(self, decision: Decision | None) -> None:
        if isinstance(decision, BargeIn):
            self._conversation.barge_in()
        elif isinstance(decision, Listen):
            self._begin = max(self._begin, decision.since - _LATE_NOTICED)
        elif decision is Effect.REOPEN:
            self._reopen()
        elif isinstance(decision, Speculate):
            if self._owner.gate.limits.speculation:
                self._conversation.speculate(decision.text)
        elif decision is Effect.DUCK:
            await self._conversation.duck()
        elif decision is Effect.CALM:
            await self._conversation.calm()
        elif decision is Effect.FALSE_ALARM:
            await self._conversation.false_alarm()
