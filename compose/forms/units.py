"""Durations and sizes as Compose reads them. Source: go-str2duration, docker/go-units, Go's time.Duration.String."""

import math
import re
from decimal import Decimal
from typing import Any

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
_UNITS |= {"m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^.\d]+)", re.ASCII)
_DURATION = re.compile(rf"[-+]?({_PART.pattern})+", re.ASCII)
MAX_NANOSECONDS = 2**63 - 1
_SIZE = re.compile(r"\+?([0-9.]+) ?([a-z]*)", re.IGNORECASE)
_FACTORS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def nanoseconds(value: Any) -> int | None:
    """The duration, None if it is none. Units: ns, us, ms, s, m, h, d, w."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if text.lstrip("+-") == "0" and len(text) < 3:
        return 0
    if not _DURATION.fullmatch(text):
        return None
    parts = _PART.findall(text)
    if any(unit not in _UNITS for _, unit in parts):
        return None
    total = sum(int(Decimal(number) * _UNITS[unit]) for number, unit in parts)
    if total > MAX_NANOSECONDS:
        return None
    return -total if text.startswith("-") else total


def duration_text(total: int) -> str:
    """Nanoseconds as Go prints them: 1m30s."""
    if total == 0:
        return "0s"
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total < 10**9:
        unit, size = next((unit, size) for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)) if total >= size)
        return f"{sign}{_plain(Decimal(total) / size)}{unit}"
    minutes, seconds = divmod(Decimal(total) / 10**9, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{_plain(seconds)}s"
    return sign + (f"{hours}h{minutes}m{shown}" if hours else f"{minutes}m{shown}" if minutes else shown)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def size(value: Any) -> int | None:
    """Bytes, None if it is no size. A number alone is bytes; units: b, k, m, g, t, p, each also as kb and kib."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    if re.fullmatch(r"[-+]?[0-9]{1,99}", value):
        return int(value)
    match = _SIZE.fullmatch(value)
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return None
    unit = match[2].lower()
    factor = 1 if unit in ("", "b") else _FACTORS.get(unit[0]) if unit[1:] in ("", "b", "ib") else None
    found = None if factor is None else float(match[1]) * factor
    return None if found is None or math.isinf(found) else int(found)


def number_text(value: Any) -> str:
    """A YAML value as Go prints it, where Compose makes text of it: true, 1.5, 1000 for 1e3."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return value if isinstance(value, str) else str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(value), "NaN")
    exponent = Decimal(repr(value)).adjusted() if value else 0
    if -5 < exponent < 6:
        return f"{Decimal(repr(value)).normalize():f}" if value else ("-0" if str(value)[0] == "-" else "0")
    mantissa, _, power = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa}e{int(power):+03d}"
