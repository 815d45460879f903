"""`python -m cli.keys`: docs/compose.md, made of the models and the tables beside them. `make keys` writes it."""

from collections.abc import Iterable, Iterator

from config.projects.key_table import BELOW, Row, rows, words
from config.projects.specification import Done

_HEAD = """# Keys of compose files

<!-- Made by `make keys` of the models in config/ and of config/projects/specification.py. Do not edit it. -->

Each key of the Compose specification, as of compose-go 2.16.2, and what becomes of it.

- **done**: as by `docker compose up`, but for what is said beside it.
- **ignored**: nothing is lost without it. The preview says so in one line for each file, if there is something to say.
- **refused**: the container would be another one than Compose would make. That is an error; behind the arrow stands
  what to do. A value that asks for nothing, as `false` and 0, is no error.

`NAME` stands for a name that you choose, and `[]` for an item of a list. Keys that start with `x-` are skipped. Any
other key that is not in these tables is an error. How compose files are used: [guide](guide.md#compose-files).
"""
_SECTIONS = (
    ("services.*.", "Services", "Below a service; also under the site's `containers:`, but for keys that read files."),
    ("networks.*.", "Networks", "Below a name under the file's `networks:`."),
    ("volumes.*.", "Volumes", "Below a name under the file's `volumes:`."),
    ("configs.*.", "Configs", "Below a name under the file's `configs:`."),
    ("secrets.*.", "Secrets", "Below a name under the file's `secrets:`."),
    ("", "The file itself", "At the top of the file."),
)  # fmt: skip


def page() -> str:
    return "\n".join([_HEAD, *_chapters()])


def _chapters() -> Iterator[str]:
    left = rows()
    for start, title, text in _SECTIONS:
        own = [Row(row.key.removeprefix(start), row.rule) for row in left if row.key.startswith(start)]
        left = [row for row in left if not row.key.startswith(start)]
        below: dict[str, list[str]] = {}
        shown = [row for row in own if "." not in row.key or row.rule != Done()]
        for row in own:
            if row not in shown:
                above = max((one.key for one in shown if row.key.startswith(f"{one.key}.")), key=len)
                below.setdefault(above, []).append(row.key.removeprefix(above).removeprefix("."))
        lines = [_line(row, start, below.get(row.key, ())) for row in shown]
        yield "\n".join([f"## {title}", "", text, "", "| key | | |", "|---|---|---|", *lines, ""])


def _line(row: Row, start: str, with_: Iterable[str]) -> str:
    what, text = words(row.rule)
    if refused_too := BELOW.get(f"{start}{row.key}"):
        text += f"; so are all keys below it: {_listed(refused_too.split())}"
    if with_:
        text += f"{'; ' if text else ''}with {_listed(with_)}"
    return f"| `{_shown(row.key)}` | {what} | {text} |".replace("|  |", "| |")


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"`{_shown(key)}`" for key in keys)


def _shown(key: str) -> str:
    return key.replace(".[]", "[]").replace("*", "NAME")


if __name__ == "__main__":
    print(page(), end="")
