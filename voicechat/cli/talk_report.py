"""What `voicechat talk` shows to a person: the conversation as it happens, and where time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from voicechat.protocol.backoff import TRIES

if TYPE_CHECKING:
    from pathlib import Path

    from voicechat.cli.talk_events import SpokenTurn
    from voicechat.protocol.messages.conversation import TurnTimings
    from voicechat.speech.wav import WavAudio


class Report:
    """Writes lines of ``seconds  what happened``.

    Args:
        out: Where to write.
        rate: Sample rate of the spoken answers in Hz.
    """

    def __init__(self, out: TextIO, *, rate: int) -> None:
        self._out = out
        self._rate = rate
        self._waiting = False  # for the server to cool down
        self._connected = True

    def begin(self, name: str, wav: WavAudio, link: str) -> None:
        """Say what is about to be streamed."""
        seconds = len(wav.pcm) / 2 / wav.rate
        self._line(None, f"{name}: {seconds:.1f} s at {wav.rate} Hz, to {link}")

    def event(self, event: dict[str, Any]) -> None:  # noqa: C901, PLR0912  (one case a message)
        """Show one wire message, where it tells a person something."""
        at = event["t_ms"] / 1000
        match event:
            case {"type": "connection" | "restored"}:
                self._connection(at, event)
            case {"type": "speech_started"}:
                self._line(at, "(speech)")
            case {"type": "transcript_partial", "text": text}:
                self._line(at, f"  … {text}")
            case {"type": "transcript_final", "accepted": True, "text": text}:
                self._line(at, f"You: {text}")
            case {"type": "transcript_final", "accepted": False}:
                self._line(at, "You: (not understood)")
            case {"type": "stream_delta", "text": text}:
                self._line(at, f"Assistant: {text.strip()}")
            case {"type": "thermal", "waiting": waiting, "message": text}:
                if waiting and not self._waiting:
                    self._line(at, f"({text})")
                self._waiting = waiting
            case {"type": "stream_interrupted", "reason": reason}:
                self._line(at, f"(answer stopped: {reason})")
            case {"type": "stream_error" | "error", "message": text, "code": code}:
                if code not in {"session_expired", "session_not_found"}:  # what follows tells it
                    self._line(at, f"(error: {text})")
            case {"type": "server_shutting_down"}:
                self._line(at, "(the server is shutting down)")
            case _:
                pass

    def summary(self, turns: list[SpokenTurn], output: Path | None) -> None:
        """The waterfall of each turn, and where the answer was written."""
        if not turns:
            self._line(None, "No speech was answered.")
        for turn in turns:
            self._line(None, f"turn {turn.turn}: {_waterfall(turn.timings)}")
            if turn.speech_end_ms is not None and turn.first_audio_ms is not None:
                waited = turn.first_audio_ms - turn.speech_end_ms
                self._line(None, f"        end of speech → first audio byte here: {waited:.0f} ms")
        if output is not None:
            seconds = sum(turn.samples for turn in turns) / self._rate
            self._line(None, f"{seconds:.1f} s of answers written to {output}")

    def _connection(self, at: float, event: dict[str, Any]) -> None:
        """Say that the connection was lost, and how it came back."""
        match event:
            case {"type": "connection", "phase": "reconnecting", "attempt": attempt}:
                lost = "connection lost, " if self._connected else ""
                self._line(at, f"({lost}try {attempt} of {TRIES} …)")
                self._connected = False
            case {"type": "connection", "phase": "connected"} if not self._connected:
                self._line(at, "(the connection is back)")
                self._connected = True
            case {"type": "restored", "fresh": True}:
                self._line(at, "(the server begins a new conversation)")
            case {"type": "restored", "restarted": True}:
                self._line(at, "(the server was restarted; the conversation goes on)")
            case _:
                pass
        if lost_s := event.get("audio_lost_s"):
            self._line(at, f"({lost_s:.1f} s of the recording were too much to keep)")

    def _line(self, at: float | None, text: str) -> None:
        print(text if at is None else f"{at:7.2f}  {text}", file=self._out, flush=True)


def _waterfall(timings: TurnTimings) -> str:
    stages = (
        ("endpoint", timings.endpoint_ms),
        ("STT final", timings.stt_final_ms),
        ("first token", timings.first_token_ms),
        ("first audio byte", timings.first_audio_ms),
    )
    reached = [f"{name} {ms:.0f} ms" for name, ms in stages if ms is not None]
    return " → ".join(["end of speech", *reached])
