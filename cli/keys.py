"""`python -m cli.keys`: docs/compose.md, made of the models and the tables beside them. `make keys` writes it."""

from collections.abc import Iterator

from config.projects.key_table import BELOW, Row, rows, words

_HEAD = """# Keys of compose files

<!-- Made by `make keys` of config/service.py, config/declared.py and config/projects/specification.py. Do not edit it. -->

Each key of the Compose specification (as of compose-go 2.16.2), and what becomes of it. *Done* means as by `docker compose up`, but for
what is said beside it. *Ignored* means that the container is the same without it; the preview says so in one line for each file. *Refused*
means that the container would be another one than Compose would make: that is an error, and what follows the arrow is what to do.

`NAME` stands for a name that you choose, and `[]` for an item of a list. Keys that start with `x-` are skipped everywhere. A key that is
not in these tables is an error. How compose files are used at all: [guide](guide.md#compose-files).
"""
_SECTIONS = (
    ("services.*.", "Services", "These keys stand below a service. The same keys work under the site's `containers:`."),
    ("networks.*.", "Networks", "These keys stand below a name under the file's `networks:`."),
    ("volumes.*.", "Volumes", "These keys stand below a name under the file's `volumes:`."),
    ("configs.*.", "Configs", "These keys stand below a name under the file's `configs:`."),
    ("secrets.*.", "Secrets", "These keys stand below a name under the file's `secrets:`."),
    ("", "The file itself", "These keys stand at the top of the file."),
)


def page() -> str:
    return "\n".join([_HEAD, *_chapters()])


def _chapters() -> Iterator[str]:
    left = rows()
    for start, title, text in _SECTIONS:
        own = [row for row in left if row.key.startswith(start)]
        left = [row for row in left if row not in own]
        lines = [f"## {title}", "", text, "", "| key | | |", "|---|---|---|", *(_line(row, start) for row in own)]
        yield "\n".join([*lines, ""])


def _line(row: Row, start: str) -> str:
    what, text = words(row.rule)
    if below := BELOW.get(row.key):
        text += f" (and so is all below it: {', '.join(f'`{key}`' for key in below.split())})"
    key = row.key.removeprefix(start).replace(".[]", "[]").replace("*", "NAME")
    return f"| `{key}` | {what} | {text.replace('|', chr(92) + '|')} |".replace("|  |", "| |")


if __name__ == "__main__":
    print(page(), end="")
