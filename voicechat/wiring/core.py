"""From settings to engines, agents and sessions: all but the port, so that a replay can use it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs
import structlog

from voicechat import engines
from voicechat.agents.assistant.assistant import AssistantFactory
from voicechat.agents.ports import local_time
from voicechat.conversation.notice import Notice
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import EngineFailed
from voicechat.protocol.codec import Codec
from voicechat.protocol.messages.connection import Recognizer
from voicechat.session.session import Session
from voicechat.speech.end_of_turn.smart_turn import SmartTurn
from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.pocketsphinx import PocketSphinxRecognizer
from voicechat.speech.tts.espeak import EspeakSynthesizer
from voicechat.speech.vad.silero import SileroVoiceActivity
from voicechat.speech.vad.webrtc import WebRtcVoiceActivity
from voicechat.thermal.gate import InferenceGate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from voicechat.agents.ports import Agent, AgentFactory
    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.heat import Climate
    from voicechat.session.keeper import Keeper
    from voicechat.session.store.ports import SessionRecord
    from voicechat.session.tap import Tap
    from voicechat.settings import Settings, Speech
    from voicechat.speech.ports import (
        EndOfTurn,
        Engine,
        SpeechToText,
        TextToSpeech,
        VoiceActivity,
    )

log = structlog.get_logger()

SIMULATED_SLOTS = 4
"""A simulated machine has the processors of the one that it stands for, a Raspberry Pi 5."""

_COMMANDS_HINT = (
    "The built-in recogniser needs no download, and understands only the assistant's commands."
    " Free speech needs a larger recogniser: see “Add an engine” in the documentation."
)


@attrs.frozen
class Core:
    """All that a session is made of; there is no door, so a replay can use it too.

    Attributes:
        settings: What it was made from.
        vad: Tells speech from the rest.
        stt: Recognises.
        tts: Speaks.
        end_of_turn: Hears by the voice whether a speaker has finished; None where nobody does.
        agents: Makes who answers.
        phrases: Makes who answers while only phrases are allowed; None where `agents` do no more.
        gate: All inference passes it.
        notice: Says by voice that the machine has to cool down.
        recognizer: What the recogniser can understand, for the welcome.
        codec: Encodes messages.
    """

    settings: Settings
    vad: VoiceActivity
    stt: SpeechToText
    tts: TextToSpeech
    end_of_turn: EndOfTurn | None
    agents: AgentFactory
    phrases: AgentFactory | None
    gate: InferenceGate
    notice: Notice
    recognizer: Recognizer
    codec: Codec = attrs.field(factory=Codec)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The long-lived parts, to be run before there is a session."""
        engines: tuple[Engine | None, ...] = (self.vad, self.stt, self.tts, self.end_of_turn)
        return tuple(engine for engine in engines if engine is not None)

    def session(
        self,
        session_id: str,
        hello: Hello,
        *,
        now: Callable[[], datetime] = local_time,
        tap: Tap | None = None,
        climate: Climate | None = None,
        keeper: Keeper | None = None,
        past: SessionRecord | None = None,
    ) -> Session:
        """Make a session; nothing of it runs yet.

        Args:
            session_id: Safe to log; the chance of its agent depends on it alone.
            hello: What the client asked for.
            now: The wall clock of its agent.
            tap: Is told of all that comes and goes.
            climate: Knows how hot the machine is; without it the client is not told.
            keeper: Keeps what is said.
            past: What was kept of it beside that, when it was there before.
        """

        def agents() -> tuple[Agent, Agent | None]:
            phrases = None if self.phrases is None else self.phrases.create(session_id, now=now)
            return self.agents.create(session_id, now=now), phrases

        return Session(
            session_id,
            hello,
            thinkers=Thinkers(*agents(), agents),
            vad=self.vad,
            stt=self.stt,
            tts=self.tts,
            end_of_turn=self.end_of_turn,
            gate=self.gate,
            notice=self.notice,
            climate=climate,
            codec=self.codec,
            settings=self.settings,
            tap=tap,
            keeper=keeper,
            past=past,
        )


def build_gate(settings: Settings) -> InferenceGate:
    """Make the gate that all inference passes."""
    thermal = settings.thermal
    if isinstance(thermal.slots, int):
        return InferenceGate(thermal.slots)
    return InferenceGate(SIMULATED_SLOTS if thermal.simulated else os.cpu_count() or 1)


def build_core(
    settings: Settings,
    gate: InferenceGate | None = None,
    celsius: Callable[[], float | None] = lambda: None,
) -> Core:
    """Make engines and agents; nothing runs yet.

    Args:
        settings: The whole tree.
        gate: What all inference passes; None makes one.
        celsius: The processor's temperature, where it is known.

    Raises:
        UsageError: A setting does not fit this machine.
    """
    speech = settings.speech
    assistant = AssistantFactory(celsius=celsius)
    built_in: dict[str, Callable[[], AgentFactory]] = {"assistant": lambda: assistant}
    agents = engines.make("agent.kind", settings.agent.kind, settings, built_in)
    vad = engines.make(
        "speech.vad", speech.vad, settings, {"silero": _silero, "webrtc": WebRtcVoiceActivity}
    )
    stt: SpeechToText = engines.make(
        "speech.stt",
        speech.stt,
        settings,
        {"pocketsphinx": lambda: _commands_recognizer(speech, assistant)},
    )
    tts: TextToSpeech = engines.make(
        "speech.tts",
        speech.tts,
        settings,
        {
            "espeak": lambda: EspeakSynthesizer(
                voice=speech.voice, rate=speech.rate_wpm, volume=speech.volume
            )
        },
    )
    return Core(
        settings=settings,
        vad=vad,
        stt=stt,
        tts=tts,
        end_of_turn=None if speech.end_of_turn is None else SmartTurn(speech.end_of_turn),
        agents=agents,
        phrases=None if agents is assistant else assistant,
        gate=gate or build_gate(settings),
        notice=Notice(tts),
        recognizer=Recognizer("commands", assistant.suggestions, _COMMANDS_HINT)
        if speech.stt == "pocketsphinx"
        else Recognizer("open", (), ""),
    )


def _silero() -> VoiceActivity:
    try:
        return SileroVoiceActivity()
    except EngineFailed as error:
        log.warning("voice activity falls back to webrtc", reason=error.message)
        return WebRtcVoiceActivity()


def _commands_recognizer(speech: Speech, assistant: AssistantFactory) -> SpeechToText:
    spoken = assistant.grammar
    grammar = Grammar(spoken.jsgf, spoken.pronunciations, spoken.examples, assistant.changes)
    if isinstance(speech.stt_rejection, str):  # "auto": the recogniser's own, tuned value
        return PocketSphinxRecognizer(grammar, max_streams=speech.stt_streams)
    return PocketSphinxRecognizer(
        grammar, max_streams=speech.stt_streams, threshold=speech.stt_rejection
    )
