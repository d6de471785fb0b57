"""The sections of the settings but heat: each field is a setting with type, range and help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from voicechat.settings.kinds import (
    Boolean,
    Choice,
    FilePath,
    Integer,
    Number,
    Text,
    TextList,
)
from voicechat.settings.setting import setting

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_MESSAGE_BYTES = 131_072
"""Every client is promised 32,000 characters, of up to 4 bytes each, and frames of 64 KiB."""


def data_home(environ: Mapping[str, str]) -> Path:
    """Return the folder for what voicechat keeps, by the XDG base directory specification."""
    base = Path(environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():  # the specification says to ignore a relative one
        home = environ.get("HOME", "")
        base = (Path(home) if home else Path.home()) / ".local" / "share"
    return base / "voicechat"


def _data_home_of_this_process() -> Path:
    return data_home(os.environ)


@attrs.frozen
class Server:
    """The port, who may use it, and how much."""

    host: str = setting(
        "127.0.0.1",
        Text("an address or a host name"),
        "Address to listen on; 0.0.0.0 or :: is every address, which needs `insecure`.",
    )
    port: int = setting(
        8000,
        Integer(0, 65_535),
        "Port for the page, the API and the WebSocket; 0 picks a free one.",
    )
    tls_cert: Path | None = setting(
        None, FilePath(optional=True), "Certificate chain (PEM) to serve HTTPS with."
    )
    tls_key: Path | None = setting(
        None, FilePath(optional=True), "Private key (PEM) that belongs to the certificate."
    )
    tls_self_signed: bool = setting(
        False,
        Boolean(),
        "Serve HTTPS with a certificate made here and kept in data_dir for about a year; browsers "
        "warn until it is accepted, and again when the machine has a new name or IPv4 address.",
    )
    insecure: bool = setting(
        False,
        Boolean(),
        "Allow an address that other machines can reach although there are no keys.",
    )
    allowed_hosts: tuple[str, ...] = setting(
        (),
        TextList("host names"),
        "Further names by which browsers reach this server (Host header).",
    )
    allowed_origins: tuple[str, ...] = setting(
        (),
        TextList("origins such as https://example.org"),
        "Further origins whose pages may open the WebSocket.",
    )
    max_connections: int = setting(
        256, Integer(1, 100_000), "WebSockets at once; further ones are refused."
    )
    heartbeat_s: float = setting(
        30.0,
        Number(0.1, 600, "seconds"),
        "How often a client is asked for a sign of life; it has as long to answer.",
    )
    idle_timeout_s: float | str = setting(
        "off",
        Number(1, 1_000_000, "seconds", words=("off",)),
        "Close a connection on which a client has sent nothing for so long.",
    )
    max_message_bytes: int = setting(
        1024 * 1024,
        Integer(MIN_MESSAGE_BYTES, 64 * 1024 * 1024, "bytes"),
        "Longest message taken from a client.",
    )
    grace_s: float = setting(
        30.0,
        Number(0, 3600, "seconds"),
        "How long answers in flight may go on after a stop signal.",
    )
    data_dir: Path = setting(
        attrs.Factory(_data_home_of_this_process),
        FilePath(),
        "Folder for what is kept between runs.",
        shown_default="$XDG_DATA_HOME/voicechat (~/.local/share/voicechat)",
    )


@attrs.frozen
class Speech:
    """The engines that hear and speak."""

    vad: str = setting(
        "silero",
        Text("the name of an installed detector: silero, webrtc, or one of another package"),
        "Voice activity detector.",
    )
    vad_threshold: float = setting(
        0.5, Number(0, 1), "Probability from which a frame of audio counts as speech."
    )
    stt: str = setting(
        "pocketsphinx",
        Text("the name of an installed recogniser: pocketsphinx, or one of another package"),
        "Speech recogniser.",
    )
    stt_rejection: float | str = setting(
        "auto",
        Number(-10, 10, words=("auto",)),
        "Score below which speech counts as not understood; auto takes the tuned value.",
    )
    stt_streams: int = setting(
        4, Integer(1, 64), "Utterances that can be recognised at once; each costs memory."
    )
    end_of_turn: Path | None = setting(
        None,
        FilePath(optional=True),
        "ONNX file of smart-turn version 3, which hears by the voice whether a speaker has "
        "finished; needs voicechat[smart-turn].",
    )
    tts: str = setting(
        "espeak",
        Text("the name of an installed synthesiser: espeak, or one of another package"),
        "Speech synthesiser.",
    )
    voice: str = setting("en", Text("a voice of the synthesiser"), "Voice of the synthesiser.")
    rate_wpm: int = setting(175, Integer(80, 450, "words a minute"), "Speaking rate.")
    volume: int = setting(100, Integer(0, 200, "percent"), "Loudness of the answers.")


@attrs.frozen
class Conversation:
    """When a turn ends, what interrupts an answer, and how far ahead one is sent."""

    patience: float = setting(
        0.5,
        Number(0, 1),
        "How long to wait in a pause: 0 is fast and may cut in, 1 is slow; clients can change it.",
    )
    endpoint_floor_ms: int = setting(
        150,
        Integer(100, 5000, "milliseconds"),
        "Silence after speech that is always waited for, however finished the words are.",
    )
    endpoint_ceiling_ms: int = setting(
        2500,
        Integer(150, 10_000, "milliseconds"),
        "Silence after speech that ends a turn, however unfinished the words are.",
    )
    reopen_ms: int = setting(
        600,
        Integer(0, 5000, "milliseconds"),
        "How long after its end a turn is taken up again when the user goes on before hearing an "
        "answer; 0 never.",
    )
    speculation: bool = setting(
        True,
        Boolean(),
        "Prepare the answer while it is not yet certain that the user has finished.",
    )
    barge_in: bool = setting(
        True,
        Boolean(),
        "Let speech interrupt an answer; switch it off for loudspeakers without echo cancellation.",
    )
    barge_in_ms: int = setting(
        250,
        Integer(100, 5000, "milliseconds"),
        "How long somebody must speak during an answer before it stops.",
    )
    pre_roll_ms: int = setting(
        300,
        Integer(0, 2000, "milliseconds"),
        "Audio kept from before speech was noticed, so that no first syllable is lost.",
    )
    max_utterance_s: float = setting(
        30.0, Number(1, 300, "seconds"), "Longest utterance; what is longer is ended here."
    )
    audio_ahead_ms: int = setting(
        500,
        Integer(50, 10_000, "milliseconds"),
        "How far the audio of an answer may run ahead of its playback.",
    )


@attrs.frozen
class Recording:
    """Sessions written to files, for `voicechat replay`; they hold what people say."""

    dir: Path | None = setting(
        None, FilePath(optional=True), "Folder for one file a session; nothing is recorded without."
    )
    max_mb: int = setting(
        64, Integer(1, 10_000, "megabytes"), "Size at which the recording of a session stops."
    )


@attrs.frozen
class Agent:
    """Who answers."""

    kind: str = setting(
        "assistant",
        Text("the name of an installed agent: assistant, or one of another package"),
        "The agent that answers.",
    )


@attrs.frozen
class Log:
    """What is logged, on standard error."""

    level: str = setting(
        "info", Choice(("debug", "info", "warning", "error")), "Least important level to log."
    )
    format: str = setting(
        "auto",
        Choice(("auto", "console", "json")),
        "Shape of the log; auto is console on a terminal and JSON lines elsewhere.",
    )
    transcripts: bool = setting(
        False, Boolean(), "Log what people and the assistant say; level debug does so too."
    )
