"""The types of settings: each parses text strictly, checks TOML values, and says what it allows.

Strictness is the point: a TOML ``"yes"`` is no boolean and ``8000.0`` no port, because a setting
that is silently coerced is a setting that somebody believes to have changed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from voicechat.settings.band import COLDEST, HOTTEST, Band

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})


class Kind(Protocol):
    """How a setting is read; each method raises `ValueError` when the value is not allowed."""

    @property
    def allowed(self) -> str:
        """What is allowed, as it ends the sentence "allowed: …"."""
        ...

    def from_text(self, text: str) -> Any:
        """Parse what an environment variable or a flag holds."""
        ...

    def check(self, value: object) -> Any:
        """Return a TOML or Python value in the setting's own type."""
        ...


@attrs.frozen
class Boolean:
    """True or false."""

    @property
    def allowed(self) -> str:
        """True or false."""
        return "true or false"

    def from_text(self, text: str) -> bool:
        """Parse the usual words, in any case."""
        word = text.strip().lower()
        if word not in TRUE | FALSE:
            raise ValueError(text)
        return word in TRUE

    def check(self, value: object) -> bool:
        """Accept booleans alone."""
        if not isinstance(value, bool):
            raise ValueError(value)  # noqa: TRY004  (the one error of this interface)
        return value


@attrs.frozen
class Integer:
    """A whole number from `low` to `high`, both included, or one of the words in `words`."""

    low: int
    high: int
    unit: str = ""
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The range, the unit and the words."""
        number = f"a whole number from {self.low} to {self.high} {self.unit}".rstrip()
        return _or_words(number, self.words)

    def from_text(self, text: str) -> int | str:
        """Parse decimal digits, which underscores may group as in TOML, or one of the words."""
        word = text.strip()
        return word if word in self.words else self.check(int(text))

    def check(self, value: object) -> int | str:
        """Accept integers in range and the words; a boolean is none."""
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(value)  # noqa: TRY004  (the one error of this interface)
        if not self.low <= value <= self.high:
            raise ValueError(value)
        return value


@attrs.frozen
class Number:
    """A finite number from `low` to `high`, both included, or one of the words in `words`.

    Where `optional`, empty text means none.
    """

    low: float
    high: float
    unit: str = ""
    words: tuple[str, ...] = ()
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The range, the unit, the words, and whether it may be left empty."""
        number = f"a number from {self.low:g} to {self.high:g} {self.unit}".rstrip()
        return _or_words(number, self.words) + (", or empty for none" if self.optional else "")

    def from_text(self, text: str) -> float | str | None:
        """Parse a number or one of the words."""
        word = text.strip()
        if word in self.words or (self.optional and not word):
            return self.check(word)
        return self.check(float(word))

    def check(self, value: object) -> float | str | None:
        """Accept numbers in range, integers too, and the words."""
        if self.optional and value in (None, ""):
            return None
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(value)  # noqa: TRY004  (the one error of this interface)
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueError(value)
        return float(value)


def _or_words(number: str, words: tuple[str, ...]) -> str:
    return " or ".join([number, *(f'"{word}"' for word in words)])


@attrs.frozen
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The words."""
        return " or ".join(f'"{option}"' for option in self.options)

    def from_text(self, text: str) -> str:
        """Accept one of the words."""
        return self.check(text.strip())

    def check(self, value: object) -> str:
        """Accept one of the words."""
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(value)
        return value


@attrs.frozen
class Text:
    """Words that are not empty; `what` describes them."""

    what: str

    @property
    def allowed(self) -> str:
        """What the words mean."""
        return self.what

    def from_text(self, text: str) -> str:
        """Accept what is not empty."""
        return self.check(text)

    def check(self, value: object) -> str:
        """Accept strings that are not empty."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(value)
        return value.strip()


@attrs.frozen
class TextList:
    """Any number of words; in text they are separated by commas."""

    what: str

    @property
    def allowed(self) -> str:
        """What the words mean, and how to write several."""
        return f"a list of {self.what} (separated by commas outside TOML)"

    def from_text(self, text: str) -> tuple[str, ...]:
        """Split at commas; empty text is an empty list."""
        return self.check([part.strip() for part in text.split(",")] if text.strip() else [])

    def check(self, value: object) -> tuple[str, ...]:
        """Accept lists of strings that are not empty."""
        if not isinstance(value, list | tuple):
            raise ValueError(value)  # noqa: TRY004  (the one error of this interface)
        if not all(isinstance(item, str) and item.strip() for item in value):
            raise ValueError(value)
        return tuple(value)


@attrs.frozen
class FilePath:
    """A path; where `optional`, empty text means none."""

    optional: bool = False

    @property
    def allowed(self) -> str:
        """What the path may be."""
        return "a path, or empty for none" if self.optional else "a path"

    def from_text(self, text: str) -> Path | None:
        """Accept any path; whether it exists is for its user to find out."""
        return self.check(text)

    def check(self, value: object) -> Path | None:
        """Accept a path or its text."""
        if self.optional and value in (None, ""):
            return None
        if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
            raise ValueError(value)
        return Path(value)


OFF: Final = "off"
"""How a step of the ladder that does not exist is written."""


@attrs.frozen
class Bands:
    """The two temperatures of a thermal step as ``trigger/resume``, or that there is no such step.

    The value stays text, so that it can be written to a file as it was read; `parse` gives what it
    means.
    """

    @property
    def allowed(self) -> str:
        """How to write them."""
        return (
            f'"trigger/resume" in °C such as "85/80", from {COLDEST:g} to {HOTTEST:g} and the '
            f'second one lower, or "{OFF}"'
        )

    def from_text(self, text: str) -> str:
        """Accept two numbers with a slash between them, or off."""
        return self.check(text)

    def check(self, value: object) -> str:
        """Accept the same, in text alone."""
        if not isinstance(value, str):
            raise ValueError(value)  # noqa: TRY004  (the one error of this interface)
        self.parse(value)
        return value.strip()

    @staticmethod
    def parse(text: str) -> Band | None:
        """Return the two temperatures; None if there is no such step."""
        if text.strip() == OFF:
            return None
        trigger, _, resume = text.partition("/")
        return Band(float(trigger), float(resume))
