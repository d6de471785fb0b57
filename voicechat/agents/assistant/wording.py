"""PURE: values as text that reads well on a screen and is spoken well by a synthesiser.

Digits, not words: espeak says "3:05 PM", "21st" and "1,234.5" rightly, and on a screen they
are easiest to read.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from voicechat.agents.assistant.numbers import decimal_text, ordinal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

_LARGE = 10**15
"""From here on a number is given as a power of ten: nobody listens to sixteen digits."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def number(value: Fraction, places: int = 4) -> str:
    """`value` in digits with thousands separators: "1,234.5".

    Rounded to `places` decimals, or to three significant digits when it is smaller than one.
    """
    if abs(value) >= _LARGE:
        return _scientific(value)
    text = decimal_text(value, places_for(value, places))
    whole, point, decimals = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{decimals}"


def result(value: Fraction, places: int = 4) -> str:
    """Verb and value: "is 4" or "is about 3.3333", whichever is true."""
    exact = (
        abs(value) < _LARGE and Fraction(decimal_text(value, places_for(value, places))) == value
    )
    return f"is {'' if exact else 'about '}{number(value, places)}"


def places_for(value: Fraction, places: int) -> int:
    """Decimals that keep three significant digits of a small `value`, at most twelve."""
    extra = places
    while value and extra < 12 and abs(value) * 10**extra < 100:
        extra += 1
    return extra


def count(value: Fraction | int, singular: str, plural: str = "") -> str:
    """A number with its unit: "1 minute", "2.5 minutes", "6 feet"."""
    value = Fraction(value)
    unit = singular if value == 1 else plural or f"{singular}s"
    return f"{number(value, 2)} {unit}"


def duration(seconds: Fraction | int) -> str:
    """A duration in hours, minutes and seconds, to the second: "1 hour and 30 minutes"."""
    total = round(seconds)
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return listed([count(n, unit) for n, unit in parts if n]) or "0 seconds"


def listed(items: Sequence[str], joint: str = "and") -> str:
    """The items as one phrase: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def clock(moment: datetime) -> str:
    """The time of day: "3:05 PM", or "3 PM", as "3:00" would be spoken "three zero zero"."""
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return f"{hour}:{moment.minute:02d} {half}" if moment.minute else f"{hour} {half}"


def day_and_date(day: date) -> str:
    """The day in full: "Saturday, November 21st, 2026"."""
    return f"{day:%A}, {day:%B} {ordinal(day.day)}, {day.year}"


def sentences(text: str) -> tuple[str, ...]:
    """`text` cut after each sentence, so that joining the pieces gives it back."""
    pieces = _SENTENCE_END.split(text)
    return tuple(f"{piece} " for piece in pieces[:-1]) + tuple(pieces[-1:])


def _scientific(value: Fraction) -> str:
    exponent = len(str(abs(int(value)))) - 1
    mantissa = number(value / 10**exponent, 2)
    return f"{mantissa} times 10 to the power of {exponent}"
