"""Deleted words after a long life of the file: thousands of messages that come, change and go."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from tests.session.store.making import answered, put, raw, record, said
from tests.session.store.sqlite_tools import opened
from voicechat.session.store.ports import Begin, Delete

if TYPE_CHECKING:
    from pathlib import Path

    from voicechat.session.store.ports import Change

LENGTHS = (0, 3, 12, 40, 57, 58, 700, 5000)


class Life:
    """Makes changes at random and knows which words are gone; each message has one of its own."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.alive: dict[str, dict[tuple[int, bool], str]] = {}
        self.gone: set[str] = set()
        self.number = 0

    def word(self) -> str:
        self.number += 1
        return f"q{self.number:07d}x"  # small, as it is when folded

    def begin(self) -> list[Change]:
        name = f"s{self.number}"
        self.alive[name] = {(0, False): self.word(), (1, False): self.word()}
        title, text = self.alive[name].values()
        return [Begin(record(name, title=title)), put(said(1, text), name)]

    def message(self) -> list[Change]:
        name = self.chance.choice(list(self.alive))
        turn, answer = key = self.chance.randint(2, 30), self.chance.random() < 0.5
        self.gone |= {self.alive[name].get(key, "")} - {""}
        self.alive[name][key] = self.word()
        text = f"{'é' * self.chance.choice(LENGTHS)} {self.alive[name][key]}"
        return [put((answered if answer else said)(turn, text, heard=text[:5]), name)]

    def delete(self) -> list[Change]:
        name = self.chance.choice(list(self.alive))
        self.gone |= set(self.alive.pop(name).values())
        return [Delete(name)]

    def changes(self) -> list[Change]:
        which = self.chance.random()
        if which < 0.1 or not self.alive:
            return self.begin()
        return self.delete() if which > 0.93 and len(self.alive) > 150 else self.message()


@pytest.mark.requirement("S-4", "S-10")
async def test_no_deleted_or_replaced_word_is_left_in_any_file(tmp_path: Path) -> None:
    """Of rows in a usual table, some five of 10,000 leave a copy that outlives them."""
    life, store = Life(seed=1), opened(tmp_path)
    for _ in range(3):  # the file is compacted in between
        async with store.running():
            for _ in range(60):
                await store.apply([each for _ in range(60) for each in life.changes()])
            await store.apply(life.delete())
            found = {word.decode() for word in re.findall(rb"q\d{7}x", raw(tmp_path))}
            kept = {word for session in life.alive.values() for word in session.values()}
            assert not found & life.gone
            assert found == kept
    assert len(life.gone) > 5000
