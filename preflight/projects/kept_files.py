"""Where a container that Compose made keeps its files, beside where the one that is made in its place will."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.compose import ServiceEntry
from config.problems import Problem, on_one_line
from config.service_parts import Volume
from facts.nas import LiveContainer, NasFacts
from facts.storage import LiveMount

SHOWN = 4  # mounts that one message names


@dataclass(frozen=True)
class Files:
    """The mounts of the container on the NAS. same: the new one has them too. moved: it has another source there. gone:
    it has nothing there. lost: anonymous ones, whose files nobody would find again."""

    same: Sequence[LiveMount]
    moved: Sequence[tuple[LiveMount, Volume]]
    gone: Sequence[LiveMount]
    lost: Sequence[LiveMount]

    @property
    def words_of_same(self) -> Iterator[str]:
        if self.same and not (self.moved or self.gone or self.lost):
            yield "the files in its mounts"
        else:
            yield from _shown([f"{_path(one)} ({_text(one)})" for one in self.same])

    @property
    def words_of_changes(self) -> Iterator[str]:
        words = [
            f"{_path(one)}: {_text(one)} → {own.source or ('a new volume' if _is_nameless(own) else 'nothing')}"
            for one, own in self.moved
        ]
        yield from _shown(words + [f"{_path(one)}: {_text(one)} → nothing" for one in self.gone])


def files_of(entry: ServiceEntry, live: LiveContainer, facts: NasFacts) -> Files:
    service = entry.service
    own = {posixpath.normpath(volume.target): volume for volume in service.volumes}
    in_memory = {posixpath.normpath(text.partition(":")[0]) for text in service.tmpfs}
    mounts = [one for one in live.mounts if one.kind in ("bind", "volume")]
    if service.volumes_from:
        others = {one.source for other in facts.containers.values() if other != live for one in other.mounts}
        mounts = [one for one in mounts if one.source not in others]
    same, moved, gone, lost = list[LiveMount](), list[tuple[LiveMount, Volume]](), list[LiveMount](), list[LiveMount]()
    for mount in mounts:
        target = posixpath.normpath(mount.target)
        volume = own.get(target)
        if volume is not None and _source(volume) == posixpath.normpath(mount.source):
            same.append(mount)
        elif mount.is_anonymous and (_is_nameless(volume) if volume is not None else target not in in_memory):
            lost.append(mount)
        elif volume is not None:
            moved.append((mount, volume))
        else:
            gone.append(mount)
    return Files(same, moved, gone, lost)


def _is_nameless(volume: Volume) -> bool:
    return volume.type == "volume" and not volume.source


def _source(volume: Volume) -> str:
    return posixpath.normpath(volume.source) if volume.source else ""


def lost_files(entry: ServiceEntry, live: LiveContainer, files: Files) -> Iterator[Problem]:
    """Files that the new container would not have, and of which nobody said so."""
    written = {posixpath.normpath(volume.target): volume.target for volume in entry.service.volumes}
    for mount in files.lost:
        message = (
            f"keeps its files of {_path(mount)} in a volume without a name, and the container that is made in its "
        )
        message += "place would have an empty one there"
        at = written.get(posixpath.normpath(mount.target))
        remedy = f"write `- {mount.source}:{_path(mount)}` "
        remedy += f"in place of `- {at}` " if at else ""
        remedy += f"under the service's `volumes:`, and `{mount.source}: {{external: true}}` under the file's own; or, "
        remedy += f"if nobody needs these files, remove the container there: `docker rm -f {live.name}`"
        yield Problem(f"{entry.path}.volumes", live.name, message, remedy)
    theirs, ours = live.compose.project, entry.compose_project
    renamed = [
        (mount.source, volume.source)
        for mount, volume in files.moved
        if mount.source.startswith(f"{theirs}_") and volume.source == f"{ours}{mount.source.removeprefix(theirs)}"
    ]
    if renamed and theirs:
        message = f"is of the project {theirs}, and nobody said which project this is, so that it is named after the "
        message += f"file's folder here: {ours}. In place of {renamed[0][0]} the container would have {renamed[0][1]}"
        remedy = f"write `name: {theirs}` beside the file's path in `site.compose:`"
        yield Problem(entry.path, live.name, message, remedy)


def _path(mount: LiveMount) -> str:
    return on_one_line(mount.target)


def _text(mount: LiveMount) -> str:
    return f"{mount.source[:12]}…" if mount.is_anonymous else on_one_line(mount.source)


def _shown(words: Sequence[str]) -> list[str]:
    return [*words[:SHOWN], *([f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else [])]
