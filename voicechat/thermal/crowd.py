"""Simulated conversations, so that anyone can watch the server get hot without a crowd of friends.

They compute nothing: they hold slots of the gate for as long as a recogniser, a small language
model and a synthesiser would on a Raspberry Pi 5, and stop where those would. While only phrases
are allowed, they match phrases. The real users of the server share the gate with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from voicechat.thermal.gate import Kind, Owner

if TYPE_CHECKING:
    from voicechat.thermal.gate import InferenceGate

_APART_S: Final = 1.5
"""The conversations begin one after another."""
_SPEAKS_S: Final = 3.0
_HEARD_EVERY_S: Final = 0.1
_DECODING: Final = 0.3
"""Seconds of computing for a second of audio."""
_TOKENS: Final = 40
_TOKEN_S: Final = 0.1
_SENTENCES: Final = 4
_PHRASE_S: Final = 0.01
"""Matching phrases costs next to nothing, and its answer is one sentence."""
_SENTENCE_S: Final = 0.3
_PLAYED_S: Final = 1.2
"""How long the user hears a sentence."""


class Crowd:
    """Some conversations that never end.

    Args:
        gate: What they pass.
        size: How many; with 0 there is nothing to run.

    Attributes:
        turns: Answers that were finished, all together.
    """

    def __init__(self, gate: InferenceGate, size: int) -> None:
        self.turns = 0
        self._gate: Final = gate
        self._size: Final = size

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Talk until cancelled."""
        task_status.started()
        async with trio.open_nursery() as nursery:
            for number in range(self._size):
                nursery.start_soon(self._converse, number)

    async def _converse(self, number: int) -> None:
        await trio.sleep(number * _APART_S)
        owner = Owner(self._gate, f"simulated {number}")
        while True:
            await _listen(owner)
            await _speak(owner, sentences=await _think(owner))
            self.turns += 1


async def _listen(owner: Owner) -> None:
    async with owner.slot(Kind.STT) as slot:
        for _ in range(round(_SPEAKS_S / _HEARD_EVERY_S)):
            async with slot.away():
                await trio.sleep(_HEARD_EVERY_S * (1 - _DECODING))
            await trio.sleep(_HEARD_EVERY_S * _DECODING)


async def _think(owner: Owner) -> int:
    """Returns how many sentences the answer has."""
    if not owner.gate.limits.agents:
        async with owner.slot(Kind.PHRASES):
            await trio.sleep(_PHRASE_S)
        return 1
    async with owner.slot(Kind.AGENT) as slot:
        for _ in range(_TOKENS):
            await trio.sleep(_TOKEN_S)
            await slot.checkpoint()
    return _SENTENCES


async def _speak(owner: Owner, sentences: int) -> None:
    for _ in range(sentences):
        async with owner.slot(Kind.TTS):
            await trio.sleep(_SENTENCE_S)
        await trio.sleep(_PLAYED_S)
