"""Simulated conversations, so that anyone can watch the server get hot without a crowd of friends.

They compute nothing: they hold slots of the gate for as long as a recogniser, a small language
model and a synthesiser would on a Raspberry Pi 5, and stop where those would. While only phrases
are allowed, they match phrases. The real users of the server share the gate with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import trio

from voicechat.thermal.slot import Kind, Owner

if TYPE_CHECKING:
    from voicechat.thermal.gate import InferenceGate

_APART_S: Final = 1.47
"""The conversations begin one after another."""
_SLOWER: Final = 1.017320508
"""Each is slower than the one before it, by so odd a factor that no two act at the same moment, and
a simulation in virtual time comes out the same each time."""
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
        talk = _Conversation(Owner(self._gate, f"simulated {number}"), _SLOWER ** (number + 1))
        while True:
            await talk.turn()
            self.turns += 1


@attrs.frozen
class _Conversation:
    """What one of them does, and how slowly (1.0 is the pace of the constants above)."""

    owner: Owner
    pace: float

    async def turn(self) -> None:
        await self._listen()
        await self._speak(sentences=await self._think())

    async def _listen(self) -> None:
        async with self.owner.slot(Kind.STT) as slot:
            for _ in range(round(_SPEAKS_S / _HEARD_EVERY_S)):
                async with slot.away():
                    await self._takes(_HEARD_EVERY_S * (1 - _DECODING))
                await self._takes(_HEARD_EVERY_S * _DECODING)

    async def _think(self) -> int:
        """Returns how many sentences the answer has."""
        if not self.owner.gate.limits.agents:
            async with self.owner.slot(Kind.AGENT):
                await self._takes(_PHRASE_S)
            return 1
        async with self.owner.slot(Kind.AGENT) as slot:
            for _ in range(_TOKENS):
                await self._takes(_TOKEN_S)
                await slot.checkpoint()
        return _SENTENCES

    async def _speak(self, sentences: int) -> None:
        for _ in range(sentences):
            async with self.owner.slot(Kind.TTS):
                await self._takes(_SENTENCE_S)
            await self._takes(_PLAYED_S)

    async def _takes(self, seconds: float) -> None:
        await trio.sleep(seconds * self.pace)
