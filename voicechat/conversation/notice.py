"""The words for a user who waits for the machine to cool down, spoken without making more heat.

They are synthesised while the machine is cool, and kept: in a pause the synthesiser rests as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
import trio

from voicechat.errors import expected

if TYPE_CHECKING:
    from voicechat.speech.ports import TextToSpeech

log = structlog.get_logger()

WORDS: Final = "I need to cool down for a moment."
LONGEST_S: Final = 10.0
"""Seconds for a sentence of 2 s; the server does not start before."""


class Notice:
    """The notice of one server.

    Args:
        tts: Who speaks it.

    Attributes:
        pcm: Its sound at the rate of the synthesiser; empty before `prepare`, and where that fails.
    """

    def __init__(self, tts: TextToSpeech) -> None:
        self.pcm = b""
        self._tts = tts

    async def prepare(self) -> None:
        """Synthesise it; the synthesiser runs. Without it the server works as well, so no error."""
        reason, fault = "it took too long", None
        try:
            with trio.move_on_after(LONGEST_S):
                async with self._tts.speak(WORDS) as chunks:
                    pcm = b"".join([chunk.pcm async for chunk in chunks])
                self.pcm = pcm
                return
        except Exception as error:  # noqa: BLE001  (of any engine, and logged)
            known = expected(error)
            reason = "the synthesiser failed" if known is None else known.message
            fault = error if known is None else None
        log.warning("a pause will not be announced by voice", reason=reason, exc_info=fault)
