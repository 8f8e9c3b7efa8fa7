"""Units of measurement and money as prose writes them: spelled out, shortened, with a prefix.

A library of physical units (pint) was tried and reads words of prose as units: "apps" as attopoints, "mb" as millibarn.
"""

import re
from dataclasses import dataclass

_PREFIXES = {"nano": ("n", -9), "micro": ("µ", -6), "milli": ("m", -3), "centi": ("c", -2), "kilo": ("k", 3),
             "mega": ("M", 6), "giga": ("G", 9), "tera": ("T", 12), "peta": ("P", 15)}  # fmt: skip
_BINARY = {"kibi": ("Ki", 3), "mebi": ("Mi", 6), "gibi": ("Gi", 9), "tebi": ("Ti", 12), "pebi": ("Pi", 15)}
_SMALL, _LARGE = ("nano", "micro", "milli"), ("kilo", "mega", "giga", "tera", "peta")
# (family, base unit's names, its symbols, the prefixes that it takes)
_SCALED = (
    ("second", ("second", "sec"), ("s",), _SMALL),
    ("byte", ("byte",), ("B",), _LARGE),
    ("bit", ("bit",), ("bit",), _LARGE),
    ("byte per second", (), ("Bps", "B/s"), _LARGE),
    ("bit per second", (), ("bps", "b/s", "bit/s"), _LARGE),
    ("metre", ("metre", "meter"), ("m",), ("milli", "centi", "kilo")),
    ("gram", ("gram", "gramme"), ("g",), ("micro", "milli", "kilo")),
    ("litre", ("litre", "liter"), ("l", "L"), ("milli", "centi")),
    ("hertz", ("hertz",), ("Hz",), ("kilo", "mega", "giga")),
    ("watt", ("watt",), ("W",), ("kilo", "mega")),
    ("watt hour", ("watt-hour", "watt hour"), ("Wh",), ("kilo", "mega")),
    ("volt", ("volt",), ("V",), ("milli", "kilo")),
    ("ampere", ("ampere", "amp"), ("A",), ("milli",)),
    ("ohm", ("ohm",), ("Ω",), ("kilo", "mega")),
    ("pascal", ("pascal",), ("Pa",), ("kilo", "mega")),
    ("decibel", ("decibel",), ("dB",), ()),
    ("lumen", ("lumen",), ("lm",), ()),
)
_DAY = 86400
# (family, values of one, names): a month is 30 days or a twelfth of a year, a year 365 days or twelve months.
_SINGLE = (
    ("second", (60,), "minute min"), ("second", (3600,), "hour hr h"), ("second", (_DAY,), "day"),
    ("second", (7 * _DAY,), "week wk"), ("second", (14 * _DAY,), "fortnight"),
    ("second", (30 * _DAY, 365 * _DAY / 12), "month"), ("second", (365 * _DAY, 360 * _DAY), "year yr"),
    ("share", (0.01,), "percent percentage %"), ("character", (1,), "character char"), ("word", (1,), "word"),
    ("metre", (0.0254,), "inch inches"), ("metre", (0.3048,), "foot feet ft"), ("metre", (1609.344,), "mile mi"),
    ("pound", (1,), "pound lb £ gbp"), ("pound", (0.01,), "p penny pence"),  # of mass or of money: one name for both
    ("ounce", (1,), "ounce oz"), ("gram", (1000,), "kilo"), ("gram", (1_000_000,), "tonne"),
    ("hectare", (1,), "hectare ha"),
    ("dollar", (1,), "dollar usd us$ $"), ("dollar", (0.01,), "cent"), ("euro", (1,), "euro eur €"),
    ("degree", (1,), "degree celsius °c °"), ("degree Fahrenheit", (1,), "fahrenheit °f"),
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """`values`: what one of it is in the base unit of its `family`, in every reading: a KB is 1,000 or 1,024 bytes."""

    family: str
    values: tuple[float, ...]


def _table() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for family, names, symbols, prefixes in _SCALED:
        known = {name: value for name, value in _PREFIXES.items() if name in prefixes}
        known |= _BINARY if family == "byte" else {}
        for prefix, (letter, power) in {"": ("", 0), **known}.items():
            values = (10.0**power, 1024.0 ** (power // 3)) if family == "byte" and power else (10.0**power,)
            for spelling in (*(prefix + name for name in names), *(letter + symbol for symbol in symbols)):
                table[spelling] = Unit(family, values)
    for family, values, names in _SINGLE:
        table |= {name: Unit(family, tuple(map(float, values))) for name in names.split()}
    # In any case where that is clear: "kb", "Minutes"; milli and mega are not.
    for spelling in sorted(s for s in table if len(s) > 1):
        table.setdefault(spelling.lower(), table[spelling])
    # Without capitals a rate is in bits: "100 mbps".
    table |= {s.lower(): unit for s, unit in table.items() if unit.family == "bit per second"}
    return table | {"mb": table["MB"], "us": table["µs"], "KB": table["kB"]}


_TABLE = _table()
_SPELLINGS = sorted(_TABLE, key=lambda s: (-len(s), s))
PATTERN = "|".join(re.escape(s) + ("s?" if s[-1].isalpha() and len(s) > 2 else "") for s in _SPELLINGS)
TIMES = "|".join(s for s, unit in _TABLE.items() if unit.family == "second" and len(s) > 2 and s.islower())


def _form(spelling: str) -> str | None:
    forms = [spelling]
    if len(spelling) > 1:  # "5G" is no gram
        forms += [spelling.removesuffix("s"), spelling.lower(), spelling.lower().removesuffix("s")]
    return next((form for form in forms if form in _TABLE), None)


def is_unit(spelling: str) -> bool:
    return _form(spelling) is not None


def unit_of(spelling: str) -> Unit:
    """Raises KeyError for what is no unit."""
    return _TABLE[_form(spelling) or spelling]
