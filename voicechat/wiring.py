"""From settings to objects: the only module that knows which adapter stands behind which port."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import structlog

from voicechat import engines
from voicechat.agents.assistant.assistant import AssistantFactory
from voicechat.agents.ports import local_time
from voicechat.api import debug, health, turns
from voicechat.errors import EngineFailed
from voicechat.gateway import front_door, tls
from voicechat.gateway.app import new_app
from voicechat.gateway.connection import ConnectionHandler
from voicechat.gateway.front_door import DoorSettings
from voicechat.gateway.origin import Guard
from voicechat.gateway.page import page_blueprint
from voicechat.gateway.reader import SocketLimits
from voicechat.protocol.codec import Codec
from voicechat.protocol.messages.connection import Recognizer
from voicechat.recording.recorder import Recordings
from voicechat.session.manager import SessionManager
from voicechat.session.session import Session
from voicechat.settings import is_loopback
from voicechat.speech.end_of_turn.smart_turn import SmartTurn
from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.pocketsphinx import PocketSphinxRecognizer
from voicechat.speech.tts.espeak import EspeakSynthesizer
from voicechat.speech.vad.silero import SileroVoiceActivity
from voicechat.speech.vad.webrtc import WebRtcVoiceActivity

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    import trio
    from quart_trio import QuartTrio

    from voicechat.agents.ports import AgentFactory
    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.tap import Tap
    from voicechat.settings import Server, Settings, Speech
    from voicechat.speech.ports import (
        EndOfTurn,
        Engine,
        SpeechToText,
        TextToSpeech,
        VoiceActivity,
    )

log = structlog.get_logger()

_COMMANDS_HINT = (
    "The built-in recogniser needs no download, and understands only the assistant's commands."
    " Free speech needs a larger recogniser: see “Add an engine” in the documentation."
)
_LAST_CLOSE_S = 2.0


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
        recognizer: What the recogniser can understand, for the welcome.
        codec: Encodes messages.
    """

    settings: Settings
    vad: VoiceActivity
    stt: SpeechToText
    tts: TextToSpeech
    end_of_turn: EndOfTurn | None
    agents: AgentFactory
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
    ) -> Session:
        """Make a session; nothing of it runs yet.

        Args:
            session_id: Safe to log; the chance of its agent depends on it alone.
            hello: What the client asked for.
            now: The wall clock of its agent.
            tap: Is told of all that comes and goes.
        """
        return Session(
            session_id,
            hello,
            agent=self.agents.create(session_id, now=now),
            vad=self.vad,
            stt=self.stt,
            tts=self.tts,
            end_of_turn=self.end_of_turn,
            codec=self.codec,
            settings=self.settings,
            tap=tap,
        )


@attrs.frozen
class Parts:
    """What the tree starts.

    Attributes:
        engines: Speech engines; each is ready before the port opens.
        sessions: The branch of sessions.
        probe: Fails with a clear error if the port cannot be opened.
        door: Serves the port until the shutdown is over; reports started with the addresses on
            which clients can then connect.
    """

    engines: tuple[Engine, ...]
    sessions: SessionManager
    probe: Callable[[], Awaitable[None]]
    door: Callable[..., Awaitable[None]]


def build(settings: Settings, shutdown: trio.Event) -> Parts:
    """Make every part; nothing runs yet.

    Args:
        settings: The whole tree.
        shutdown: Set when the server begins to end.

    Raises:
        UsageError: A setting does not fit this machine.
    """
    core = build_core(settings)
    recordings = Recordings(settings) if settings.recording.dir is not None else None

    def make_session(session_id: str, hello: Hello) -> Session:
        tap = None if recordings is None else recordings.begin(session_id, hello)
        return core.session(session_id, hello, tap=tap)

    sessions = SessionManager(make_session, limit=settings.server.max_connections)
    handler = ConnectionHandler(
        sessions=sessions,
        codec=core.codec,
        recognizer=core.recognizer,
        shutdown=shutdown,
        grace_s=settings.server.grace_s,
    )
    where = _door_settings(settings.server)
    return Parts(
        engines=core.engines,
        sessions=sessions,
        probe=partial(front_door.probe, where),
        door=partial(front_door.serve, _http(sessions), handler, settings=where, shutdown=shutdown),
    )


def build_core(settings: Settings) -> Core:
    """Make engines and agents; nothing runs yet.

    Args:
        settings: The whole tree.

    Raises:
        UsageError: A setting does not fit this machine.
    """
    speech = settings.speech
    assistant = AssistantFactory()
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


def _http(sessions: SessionManager) -> QuartTrio:
    app = new_app("voicechat")
    app.register_blueprint(health.blueprint(lambda: len(sessions)))
    app.register_blueprint(debug.blueprint())
    app.register_blueprint(turns.blueprint(sessions.turns))
    app.register_blueprint(page_blueprint())
    return app


def _door_settings(server: Server) -> DoorSettings:
    own_names = frozenset() if is_loopback(server.host) else tls.machine_names()
    return DoorSettings(
        host=server.host,
        port=server.port,
        tls=_tls(server),
        guard=Guard(
            hosts=own_names | {server.host, *server.allowed_hosts},
            origins=frozenset(server.allowed_origins),
        ),
        # Connections end by themselves within the grace period; this is for those that do not.
        grace_period=server.grace_s + _LAST_CLOSE_S,
        sockets=SocketLimits(max_message=server.max_message_bytes),
    )


def _tls(server: Server) -> ssl.SSLContext | None:
    if server.tls_cert is not None and server.tls_key is not None:
        return tls.server_context(server.tls_cert, server.tls_key)
    if not server.tls_self_signed:
        return None
    names = tls.certificate_names()
    names = attrs.evolve(names, lasting=names.lasting | set(server.allowed_hosts))
    made = tls.self_signed(server.data_dir / "tls", names)
    log.info("self-signed certificate", sha256=made.fingerprint, names=sorted(made.names))
    return tls.server_context(made.cert, made.key)
