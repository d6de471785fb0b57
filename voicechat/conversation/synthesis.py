"""Sentences become speech, a little ahead of what is sent: a slow synthesiser leaves no gaps."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import attrs

from voicechat.errors import VoicechatError, expected
from voicechat.speech.ports import SpeechChunk
from voicechat.thermal.slot import Kind

if TYPE_CHECKING:
    import trio

    from voicechat.speech.ports import TextToSpeech
    from voicechat.thermal.slot import Owner


@attrs.frozen
class SentenceBegins:
    """The chunks that follow speak `text`."""

    text: str


@attrs.frozen
class SentenceEnds:
    """All chunks of the sentence have come."""


Synthesised = SentenceBegins | SpeechChunk | SentenceEnds | VoicechatError
"""What comes out; nothing follows an error."""


async def synthesise(
    tts: TextToSpeech,
    owner: Owner,
    sentences: trio.MemoryReceiveChannel[str],
    out: trio.MemorySendChannel[Synthesised],
) -> None:
    """Speak all sentences into `out`; its slot is given back while `out` is full.

    Args:
        tts: Who speaks.
        owner: Whose answer it is.
        sentences: What to speak.
        out: Takes it, in order.
    """
    async with sentences, out:
        async for sentence in sentences:
            try:
                await _one(tts, owner, sentence, out)
            except Exception as error:
                known = expected(error)
                if known is None:
                    raise
                # The text is worth having without its sound: only that goes missing.
                await out.send(known)
                break
        async for _ in sentences:
            pass


async def _one(
    tts: TextToSpeech, owner: Owner, sentence: str, out: trio.MemorySendChannel[Synthesised]
) -> None:
    async with AsyncExitStack() as stack, owner.slot(Kind.TTS) as slot:
        await slot.send(out, SentenceBegins(sentence))
        async with slot.away():  # the engine may have to be waited for, and who has it for a slot
            chunks = await stack.enter_async_context(tts.speak(sentence))
        async for chunk in chunks:
            await slot.send(out, chunk)
            await slot.checkpoint()
        await slot.send(out, SentenceEnds())
