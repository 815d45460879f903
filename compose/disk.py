"""The laptop's folders, and what they are on the machine that the containers run on."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from compose.findings import Finding, Path
from compose.values import Map, like


@dataclass(frozen=True)
class Document:
    """values: its top-level map. cleared: paths tagged !reset or !override, which an earlier file's values at these
    paths have to leave. findings: for which Compose refuses it."""

    values: Map
    cleared: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class File:
    """path: on the laptop, absolute; shown: its name in what people read."""

    path: str
    shown: str


class Disk(Protocol):
    """The laptop's disk. Both raise Refused."""

    def is_file(self, path: str) -> bool: ...
    def text(self, file: File) -> str: ...
    def documents(self, file: File) -> Sequence[Document]: ...


@dataclass(frozen=True)
class Folder:
    """here: the folder on the laptop.
    there: the same folder on the containers' machine; without a leading / it is relative to the project's, which is
        unknown.
    shown: what stands before a file's name in what people read, "" or with its / at the end.
    """

    here: str
    there: str = "."
    shown: str = ""

    def beside(self, path: str) -> "Folder":
        """The folder of that file."""
        inner = posixpath.dirname(path)
        return self.inside(inner) if inner else self

    def inside(self, path: str) -> "Folder":
        shown = posixpath.normpath(posixpath.join(self.shown, path))
        return Folder(self.laptop(path), self.on_machine(path), "" if shown == "." else f"{shown}/")

    def laptop(self, path: str) -> str:
        """Where that file is on the laptop. What is below the folder there is below the folder here."""
        there = posixpath.join(self.there, "")
        if there.startswith("/") and posixpath.normpath(path).startswith(there) and there != "/":
            path = posixpath.relpath(path, there)
        return posixpath.normpath(posixpath.join(self.here, path))

    def on_machine(self, path: str) -> str:
        """A path of the file as one on the containers' machine. ~ is left to whoever knows its home. A path that stays
        relative begins with a dot, as people write it."""
        if path.startswith("~") or path[1:3] in (":\\", ":/") or path.startswith("\\\\"):
            return path
        found = posixpath.normpath(posixpath.join(self.there, path))
        return found if found[:1] in ("/", ".") else f"./{found}"

    def shown_as(self, laptop: str) -> str:
        """The path of a file on the laptop in what people read."""
        if not laptop.startswith(f"{self.here}/"):
            return laptop
        return like(laptop, self.shown + laptop.removeprefix(f"{self.here}/"))

    def file(self, path: str) -> File:
        shown = path if path.startswith("/") else posixpath.normpath(posixpath.join(self.shown, path))
        return File(self.laptop(path), like(path, shown))
