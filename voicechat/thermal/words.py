"""What each state means for the people who talk to the machine, in plain words. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voicechat.protocol.messages.thermal import ThermalState

if TYPE_CHECKING:
    from voicechat.thermal.status import Status

_WORDS: Final = {
    ThermalState.NORMAL: "",
    ThermalState.NO_SPECULATION: "I am getting warm, so answers may begin a little later.",
    ThermalState.SINGLE: "I am warm, so I work for one person at a time.",
    ThermalState.PHRASES: "I am hot: one person at a time, and simple answers only.",
    ThermalState.PAUSED: "I am too hot, and answer when I have cooled down",
}


def words_for(status: Status) -> str:
    """What the user should know; empty where there is nothing to know."""
    words = _WORDS[status.limited_to]
    if status.limited_to is ThermalState.PAUSED:
        band = status.bands.get(ThermalState.PAUSED)
        words += "." if band is None else f" to {band.resume:g} °C."
    if status.state is not ThermalState.UNKNOWN:
        return words
    return f"I cannot tell how hot I am. {words}".strip()
