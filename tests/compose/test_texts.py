"""Single texts, made up, read by our reader and by compose-go: variables, env files, commands, durations, sizes."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.forms.units import duration_text, nanoseconds, number_text, size
from compose.forms.words import split
from compose.text.dotenv import parse, parse_raw
from compose.text.interpolation import substitute
from tests.compose.oracle import Oracle

Value = TypeVar("Value")
ENV = {"A": "va", "B": "v$A", "E": "", "LONG_1": "two words", "_u": "under"}
MANY = settings(max_examples=max(1000, settings().max_examples))


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


def of(*pieces: str, most: int = 12) -> st.SearchStrategy[str]:
    """Texts of those pieces."""
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


def taken(read: Callable[[], Value]) -> Value | None:
    """What is read, None if it is refused."""
    try:
        return read()
    except ValueError:
        return None


VARIABLES = of(
    *("$", "$$", "${", "}", "{", "A", "B", "E", "U", "LONG_1", "_u", ":-", "-", ":+", "+", ":?", "?", ":", "="),
    *("$A", "${A}", "${U", "${A", "${E:-", " ", "\n", "x", "é", "1", ".", "\\", "'", '"', "#", "/", "%", "(", ")"),
)


@MANY
@given(text=VARIABLES)
def test_variables(text: str, oracle: Oracle) -> None:
    assert taken(lambda: substitute(text, ENV)) == oracle.template(text, ENV)


INSIDE = of(
    *(
        "a",
        "b c",
        "é",
        " ",
        "\t",
        "#",
        " # ",
        "=",
        ":",
        "\n",
        "\r\n",
        "$",
        "$$",
        "$A",
        "$NEW",
        "${U:-d}",
        "${A",
        "}",
        "\xa0",
    ),
    *("\\", "\\\\", "\\n", "\\t", "\\v", "\\a", "\\c", "\\$", '\\"', "\\'", "\\0", "\\0101", "\\08", "\\x", "'", '"'),
    most=6,
)
LINES = st.tuples(
    of("", "", "", " ", "\n", "# x\n", "export ", "export\t", most=2),
    st.sampled_from(("A", "NEW", "NEW", "N.e-w[1]", "1x", "é", "_", "A B", "A/B", "", "\ufeffA", "LONG_1")),
    st.sampled_from(("=", "=", " = ", ": ", ":", "\n", " ", "=\t")),
    INSIDE | INSIDE.map(lambda text: f'"{text}"') | INSIDE.map(lambda text: f"'{text}'"),
    st.sampled_from(("\n", "\n", "\r\n", "", " # c\n", " ", "\v")),
).map("".join)
ENV_FILES = st.lists(LINES, max_size=4).map("".join)


@MANY
@given(text=ENV_FILES)
def test_env_files(text: str, oracle: Oracle) -> None:
    right = oracle.dotenv(text, ENV)
    if right is not None:
        right.pop("", None)  # a last line without its end has no name in compose-go
    elif text.rstrip().endswith("export"):
        return  # nor has an `export` with nothing behind it, which is then an error there
    assert taken(lambda: parse(text, ENV)) == right


@given(text=of("A", "B", "=", " ", "\t", "\n", "\n", "\r\n", "#", "'", '"', "$A", "x", "é", "\ufeff", "A=1\n"))
def test_raw_env_files(text: str, oracle: Oracle) -> None:
    right = oracle.dotenv(text, ENV, "raw")
    if right is not None:  # Docker refuses a name with blanks in it
        assert taken(lambda: parse_raw(text, ENV)) == right


COMMANDS = of(
    *("a", "b c", "1", "é", " ", "  ", "\t", "\n", "'", '"', "`", "\\", "$", "$(", "(", ")", ";", "&", "|", "<", ">"),
    *("2>", "#", "=", "''", '""', "-x", "{", "}", "\xa0", "*", "!"),
)


@MANY
@given(text=COMMANDS)
def test_commands(text: str, oracle: Oracle) -> None:
    assert taken(lambda: split(text)) == oracle.parsed("command", text)


DURATIONS = of(*"0123456789", *("10", ".", "-", "+", "ns", "us", "µs", "ms", "s", "m", "h", "d", "w", "y", " "), most=8)


@MANY
@given(text=DURATIONS)
def test_durations(text: str, oracle: Oracle) -> None:
    found = nanoseconds(text)
    assert (None if found is None else duration_text(found)) == oracle.parsed("duration", text)


SIZES = of(*"0123456789", *("10", ".", "+", "-1", " ", *"bkmgtpBKMGTPi", "ib", "kib", "x"), most=6)


@MANY
@given(text=SIZES)
def test_sizes(text: str, oracle: Oracle) -> None:
    found = size(text)
    if found is None or found < 2**63:  # more bytes than Go has a number for
        assert (None if found is None else str(found)) == oracle.parsed("bytes", text)


@MANY
@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e8, 1e8).map(lambda one: round(one, 2)))
def test_numbers_as_text(number: float, oracle: Oracle) -> None:
    text = repr(number) if "e" in repr(number) else f"{number:f}"
    document = oracle.ask(yaml=f"a: {text}")["documents"][0]["entries"]["a"]
    assert document["type"] == "float64"
    assert number_text(float(text)) == document["text"]
