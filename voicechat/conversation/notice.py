"""The words for a user who waits for the machine to cool down, spoken without making more heat.

They are synthesised while the machine is cool, and kept: in a pause the synthesiser rests as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from voicechat.errors import EngineFailed

if TYPE_CHECKING:
    from voicechat.speech.ports import TextToSpeech

log = structlog.get_logger()

WORDS: Final = "I need to cool down for a moment."


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
        """Synthesise it; the synthesiser runs."""
        try:
            async with self._tts.speak(WORDS) as chunks:
                self.pcm = b"".join([chunk.pcm async for chunk in chunks])
        except EngineFailed as error:
            log.warning("a pause will not be announced by voice", reason=error.message)
