"""Loads the sentence templates of `data/`: the one place that says what is understood."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import resources
from typing import Any

from hassil.intents import Intents, RangeSlotList, TextSlotList, TextSlotValue

from voicechat.agents.assistant.normalise import Vocabulary

DOMAINS = ("common", "time", "timers", "math", "units", "device", "conversation", "smalltalk")
"""Files of `data/`, in the order in which equally good matches win."""


def load_intents() -> Intents:
    """Read and parse every template file of the package."""
    data = resources.files("voicechat.agents.assistant") / "data"
    with ExitStack() as stack:
        paths = [
            stack.enter_context(resources.as_file(data / f"{domain}.yaml")) for domain in DOMAINS
        ]
        intents = Intents.from_files(paths)
    for slot_list in intents.slot_lists.values():
        if isinstance(slot_list, RangeSlotList):
            slot_list.words = False  # places of numbers are digits; spelling 3,000 costs a second
    return intents


def load_pronunciations() -> dict[str, str]:
    """Words that the recogniser's dictionary lacks, each with its phones in ARPAbet."""
    data = resources.files("voicechat.agents.assistant") / "data" / "pronunciations.txt"
    lines = (line.split("#")[0].strip() for line in data.read_text("utf-8").splitlines())
    return {word: phones for word, _, phones in (line.partition(" ") for line in lines if line)}


def vocabulary(intents: Intents) -> Vocabulary:
    """The lists `lead`, `tail` and `alias` for the normaliser."""
    return Vocabulary(
        leads=frozenset(tuple(spoken(v).split()) for v in values(intents, "lead")),
        tails=frozenset(tuple(spoken(v).split()) for v in values(intents, "tail")),
        aliases={spoken(v): tuple(v.value_out.split()) for v in values(intents, "alias")},
    )


def values(intents: Intents, name: str) -> list[TextSlotValue]:
    """The values of a text list."""
    slot_list = intents.slot_lists[name]
    if not isinstance(slot_list, TextSlotList):
        raise TypeError(name)
    return slot_list.values


def spoken(value: TextSlotValue) -> str:
    """The words of a value that is plain text."""
    return str(getattr(value.text_in, "text", ""))


def typed_only(metadata: dict[str, Any] | None) -> bool:
    """Whether the templates' metadata keeps something out of the speech grammar."""
    return bool((metadata or {}).get("typed_only"))
