"""PURE: units of measurement with exact factors, and conversion between those of one kind.

Names are singular American English, as in `data/units.yaml`. Volumes are US customary.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

import attrs


class Kind(Enum):
    """What is measured; only units of one kind convert into each other."""

    LENGTH = "length"
    WEIGHT = "weight"
    VOLUME = "volume"
    TEMPERATURE = "temperature"
    SPEED = "speed"
    TIME = "time"


@attrs.frozen
class Unit:
    """A unit: an amount of it is `amount * factor + offset` in its kind's base unit."""

    kind: Kind
    factor: Fraction
    plural: str
    offset: Fraction = Fraction(0)


def _units(kind: Kind, **factors: tuple[str, str]) -> dict[str, Unit]:
    return {
        name.replace("_", " "): Unit(kind, Fraction(factor), plural)
        for name, (factor, plural) in factors.items()
    }


UNITS: dict[str, Unit] = (
    _units(  # meters
        Kind.LENGTH,
        millimeter=("1/1000", "millimeters"),
        centimeter=("1/100", "centimeters"),
        meter=("1", "meters"),
        kilometer=("1000", "kilometers"),
        inch=("0.0254", "inches"),
        foot=("0.3048", "feet"),
        yard=("0.9144", "yards"),
        mile=("1609.344", "miles"),
    )
    | _units(  # grams
        Kind.WEIGHT,
        milligram=("1/1000", "milligrams"),
        gram=("1", "grams"),
        kilogram=("1000", "kilograms"),
        ton=("1000000", "metric tons"),
        ounce=("28.349523125", "ounces"),
        pound=("453.59237", "pounds"),
        stone=("6350.29318", "stone"),
    )
    | _units(  # milliliters
        Kind.VOLUME,
        milliliter=("1", "milliliters"),
        liter=("1000", "liters"),
        teaspoon=("4.92892159375", "teaspoons"),
        tablespoon=("14.78676478125", "tablespoons"),
        fluid_ounce=("29.5735295625", "fluid ounces"),
        cup=("236.5882365", "cups"),
        pint=("473.176473", "pints"),
        quart=("946.352946", "quarts"),
        gallon=("3785.411784", "gallons"),
    )
    | _units(  # meters per second
        Kind.SPEED,
        meter_per_second=("1", "meters per second"),
        kilometer_per_hour=("5/18", "kilometers per hour"),
        mile_per_hour=("0.44704", "miles per hour"),
        knot=("463/900", "knots"),
    )
    | _units(  # seconds
        Kind.TIME,
        second=("1", "seconds"),
        minute=("60", "minutes"),
        hour=("3600", "hours"),
        day=("86400", "days"),
        week=("604800", "weeks"),
        year=("31536000", "years"),
    )
    | {  # kelvin
        "kelvin": Unit(Kind.TEMPERATURE, Fraction(1), "kelvin"),
        "celsius": Unit(Kind.TEMPERATURE, Fraction(1), "degrees Celsius", Fraction("273.15")),
        "fahrenheit": Unit(
            Kind.TEMPERATURE,
            Fraction(5, 9),
            "degrees Fahrenheit",
            Fraction("459.67") * Fraction(5, 9),
        ),
    }
)


def convert(amount: Fraction, source: str, target: str) -> Fraction | None:
    """`amount` of the unit named `source` in the unit named `target`; None for other kinds."""
    a, b = UNITS[source], UNITS[target]
    if a.kind is not b.kind:
        return None
    return (amount * a.factor + a.offset - b.offset) / b.factor


def named(amount: Fraction, unit: str) -> str:
    """The unit's name to follow `amount`: "foot" after 1, else "feet"."""
    if UNITS[unit].kind is Kind.TEMPERATURE:
        return UNITS[unit].plural.replace("degrees", "degree" if amount == 1 else "degrees")
    return unit if amount == 1 else UNITS[unit].plural
