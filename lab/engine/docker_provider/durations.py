"""Go's durations, which the docker plugin takes and gives as text: "30s", "1m30s", "500ms"."""

import re
from decimal import Decimal

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"


def parse_go_duration(text: str) -> int:
    """Nanoseconds. Raises ValueError for what Go's time.ParseDuration refuses ("5", "1 s", "")."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if body == "0":
        return 0
    if not re.fullmatch(f"({_PART})+", body):
        raise ValueError(f"{text!r} is not a duration")
    return sign * int(sum(Decimal(number) * _UNITS[unit] for number, unit in re.findall(_PART, body)))


def format_go_duration(nanos: int) -> str:
    """The text Go prints for it: 90 s is "1m30s", 0 is "0s", half a second "500ms"."""
    if nanos == 0:
        return "0s"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos < 10**9:
        unit = next(u for u in ("ms", "µs", "ns") if nanos >= _UNITS[u])
        return f"{sign}{_number(Decimal(nanos) / _UNITS[unit])}{unit}"
    minutes, rest = divmod(nanos, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{_number(Decimal(rest) / 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _number(value: Decimal) -> str:
    return format(value.normalize(), "f")
