"""Numbers of users, in options, settings and files: plain digits, finite, within 64 bits.

Python itself takes more (`1_000`, digits of other scripts, infinities, integers of any length); that is refused here,
so that no such number comes further in.
"""

from __future__ import annotations

import math
import re
from numbers import Integral, Real
from typing import Any, SupportsInt

LARGEST = 2**63 - 1
MOST_WHOLE, MOST_REAL, LEAST_REAL = 10**6, 1e9, 1e-30
"""Limits of settings that name none of their own."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def whole(value: object) -> int:
    """The whole number that a text or a value is. Raises ValueError, which says what it must be."""
    number = None
    if isinstance(value, str):
        if _WHOLE.fullmatch(value.strip()):
            number = int(value) if len(value) < 100 else LARGEST + 1
    elif isinstance(value, SupportsInt) and isinstance(value, Real) and not isinstance(value, bool):
        number = int(value) if isinstance(value, Integral) or float(value).is_integer() else None
    if number is None:
        raise ValueError("must be a whole number")
    if abs(number) > LARGEST:
        raise ValueError(f"must be a whole number of at most {LARGEST:,}")
    return number


def real(value: object) -> float:
    """The finite number that a text or a value is. Raises ValueError, which says what it must be."""
    spelled = isinstance(value, str) and _REAL.fullmatch(value.strip())
    if not spelled and (isinstance(value, bool | str) or not isinstance(value, Real)):
        raise ValueError("must be a number")
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def outside(value: object, most: float | None = None) -> str:
    """What is wrong with a number or a tuple of them for which no machine or arithmetic would do; "" for nothing.

    most: the largest absolute value, instead of the usual one.
    """
    for number in value if isinstance(value, list | tuple) else (value,):
        if isinstance(number, bool) or not isinstance(number, Real):
            continue
        size: Any = abs(number)
        whole_number = isinstance(number, Integral)
        limit = most or (MOST_WHOLE if whole_number else MOST_REAL)
        if not size <= limit:
            why = (
                "more takes time or memory without end" if whole_number else "arithmetic with more overflows"
            )
            return f"must be at most {limit:,.12g}, for {why}"
        if 0 < size < LEAST_REAL:
            return f"must be 0 or at least {LEAST_REAL}, for arithmetic with less overflows"
    return ""


def counted(text: str) -> int | None:
    """The number of a text of digits only, such as a seed or a number of epochs; None for any other text."""
    plain = text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if plain and int(text) <= LARGEST else None
