"""The laptop's folders, and what they are on the machine that the containers run on."""

import errno
import posixpath
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """here: the folder on the laptop.
    there: the same folder on the containers' machine; without a leading / it is relative to the project's, which is
        unknown.
    shown: what stands before a file's name in what people read, "" or with its / at the end.
    """

    here: Path
    there: str = "."
    shown: str = ""

    def beside(self, path: str) -> "Folder":
        """The folder of that file."""
        inner = posixpath.dirname(path)
        return self.inside(inner) if inner else self

    def inside(self, path: str) -> "Folder":
        shown = posixpath.normpath(posixpath.join(self.shown, path))
        return Folder(self.here / path, self.on_machine(path), "" if shown == "." else f"{shown}/")

    def on_machine(self, path: str) -> str:
        """A path of the file as one on the containers' machine. ~ is left to whoever knows its home."""
        if path.startswith("~") or path[1:3] in (":\\", ":/") or path.startswith("\\\\"):
            return path
        return posixpath.normpath(posixpath.join(self.there, path))

    def name(self, path: str) -> str:
        return path if path.startswith("/") else posixpath.normpath(posixpath.join(self.shown, path))


def read_text(path: Path) -> str:
    """Raises OSError and UnicodeDecodeError."""
    if "\0" in str(path):
        raise OSError(errno.ENOENT, "no path has a NUL in it")
    return path.read_text(encoding="utf-8-sig")
