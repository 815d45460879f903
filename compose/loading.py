"""Files into one document: variables, `include:`, `extends:`, and later files over earlier ones. Source: compose-go,
loader/loader.go, include.go and extends.go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compose.disk import Disk, Document, File, Folder
from compose.findings import Finding, Path, Refused
from compose.forms.merging import clear, merged, without_doubles
from compose.forms.short_forms import lengthen
from compose.paths import give_defaults, resolve_paths
from compose.text import dotenv
from compose.text.variables import interpolate
from compose.values import Derived, List, Map, Place, copied, items_of, maps, place_of

_SECTIONS = ("services", "volumes", "networks", "secrets", "configs", "models")
MAX_DEPTH = 20  # of files that include or extend one another
Env = Mapping[str, str]


@dataclass
class Loader:
    """findings: what is wrong with a service and kept nothing else from being read; refused: what is wrong with a file
    as a whole, and kept nothing from being read either."""

    disk: Disk
    findings: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)

    def load(self, files: list[File], folder: Folder, env: Env, above: tuple[str, ...] = ()) -> Map:
        """The files, each over those before it. Their paths are absolute as far as ``folder`` says. Raises Refused.

        above: the files that include these.
        """
        document = Map()
        for file in files:
            for one in self._documents(file):
                interpolate(one.values, env)
                self._include(one, file, folder, env, above)
                clear(document, one.cleared)
                _Extending(self, file, folder, env, one.cleared).all(one.values)
                document = _over(document, one.values)
        give_defaults(document)
        resolve_paths(document, folder)
        _give_values(document, env)
        return document

    def _documents(self, file: File) -> list[Document]:
        documents = self.disk.documents(file)
        self.refused += [finding for one in documents for finding in one.findings if finding not in self.refused]
        return [Document(copied(one.values), one.cleared) for one in documents]

    def written_name(self, files: list[File], env: Env) -> str:
        """The `name:` of the last file that has one, "" if none has."""
        for file in reversed(files):
            for one in reversed(self.disk.documents(file)):
                found = Map({"name": one.values.get("name")})
                interpolate(found, env)
                if isinstance(found["name"], str) and found["name"]:
                    return found["name"]
        return ""

    def base(self, file: File, folder: Folder, env: Env) -> tuple[Map, tuple[Path, ...]]:
        """The services of a file that is extended, and what it resets. What they extend themselves is still open."""
        document, cleared = Map(), ()
        for one in self._documents(file):
            interpolate(one.values, env)
            clear(document, one.cleared)
            document, cleared = _over(document, one.values), one.cleared
        resolve_paths(document, folder)
        services = document.get("services")
        return services if isinstance(services, Map) else Map(), cleared

    def _include(self, one: Document, file: File, folder: Folder, env: Env, above: tuple[str, ...]) -> None:
        known = place_of(one.values, ("include",)) or Place(file.shown, 1)
        included = one.values.pop("include", None)
        if included is None:
            return
        if not isinstance(included, list):
            raise Refused(Finding(("include",), known, "", "is not a list", "write each file on a line with `- `"))
        above = (*above, file.path)
        for index, (item, place) in enumerate(items_of(included)):
            entry = _Included(item if isinstance(item, dict) else {"path": item}, ("include", index), place or known)
            files = [folder.file(path) for path in entry.paths()]
            if files[0].path in above or len(above) > MAX_DEPTH:
                raise entry.refused("path", "is a file that includes this one", "remove one of the two lines")
            inner = entry.folder(folder)
            try:
                document = self.load(files, inner, {**entry.env(self.disk, folder, inner, env), **env}, above)
            except Refused as error:
                place = error.finding.place
                raise Refused(
                    error.finding if place else replace(error.finding, path=entry.at, place=entry.place)
                ) from None
            _import(one, document)


@dataclass(frozen=True)
class _Included:
    """One entry of `include:`."""

    keys: Mapping[str, Any]
    at: Path
    place: Place

    def refused(self, key: str, message: str, remedy: str) -> Refused:
        value = self.keys.get(key)
        return Refused(Finding(self.at, self.place, value if isinstance(value, str) else "", message, remedy))

    def paths(self) -> list[str]:
        given = self.keys.get("path")
        paths = [given] if isinstance(given, str) else given
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
            raise self.refused("path", "names no file", "write `path:` with a file's path")
        if any("://" in path or path.startswith("git@") for path in paths):
            message = "is not on this computer, and this program fetches no files"
            raise self.refused("path", message, "save the file beside this one and name it there")
        return paths

    def folder(self, outer: Folder) -> Folder:
        """An absolute project_directory is a folder of the machine that the containers run on."""
        own = self.keys.get("project_directory")
        if isinstance(own, str) and own.startswith("/"):
            return replace(outer.beside(self.paths()[0]), there=own)
        return outer.inside(own) if isinstance(own, str) and own else outer.beside(self.paths()[0])

    def env(self, disk: Disk, outer: Folder, inner: Folder, env: Env) -> dict[str, str]:
        given = self.keys.get("env_file")
        names = [given] if isinstance(given, str) else given or []
        files = [outer.file(name) for name in names if isinstance(name, str) and name != "/dev/null"]
        if not names and disk.is_file(inner.laptop(".env")):
            files = [inner.file(".env")]
        found: dict[str, str] = {}
        for file in files:
            found = read_env_file(disk, file, env, found)
        return found


def _import(one: Document, document: Map) -> None:
    """What a file includes, under what it says itself."""
    for section in _SECTIONS:
        for key, value in (document.get(section) or {}).items():
            own = one.values.setdefault(section, Map())
            if key not in own:
                own.take(key, document[section])
                own[key] = value
            elif own[key] != value:
                clear(Map({section: Map({key: value})}), one.cleared)
                own[key] = merged(value, own[key], (section, key))


@dataclass
class _Extending:
    """`extends:` in the services of one file. cleared: the file's own."""

    loader: Loader
    file: File
    folder: Folder
    env: Env
    cleared: tuple[Path, ...]

    def all(self, document: Map) -> None:
        services = document.get("services")
        if not isinstance(services, Map):
            return
        for key in services:
            try:
                services[key] = self._whole(key, services, self.file, self.cleared, ())
            except Refused as error:
                self.loader.findings.append(error.finding)
                services[key].pop("extends", None)

    def _whole(
        self, key: str, services: Map, file: File, cleared: tuple[Path, ...], above: tuple[tuple[str, str], ...]
    ) -> Any:
        service = services[key]
        if not isinstance(service, Map) or service.get("extends") is None:
            return service
        given, place, path = service["extends"], service.places.get("extends"), ("services", key, "extends")
        other, name = (given.get("file"), given.get("service")) if isinstance(given, dict) else (None, given)
        if not isinstance(name, str):
            raise Refused(Finding(path, place, "", "names no service", "write `service:` with its name"))
        if (file.path, key) in above or len(above) > MAX_DEPTH:
            raise Refused(Finding(path, place, name, "leads back to this service", "remove one of the two lines"))
        above, base_cleared = (*above, (file.path, key)), cleared
        if isinstance(other, str):
            file = self.folder.file(other)
            try:
                services, base_cleared = self.loader.base(file, self.folder.beside(other), self.env)
            except Refused as error:
                raise Refused(replace(error.finding, path=path, place=error.finding.place or place)) from None
        if name not in services:
            other = "that file" if isinstance(file.shown, Derived) else file.shown
            message, remedy = f"is no service of {other}", "correct the name, or remove the line"
            raise Refused(Finding(path, place, name, message, remedy))
        base = self._whole(name, services, file, base_cleared, above)
        if base is None:
            return service
        source = copied(base)
        clear(Map({"services": Map({key: source})}), cleared)
        found = merged(source, service, ("services", key))
        found.pop("extends", None)
        return found


def _give_values(document: Map, env: Env) -> None:
    """Names alone in a list of `environment:` get the values of this file's variables; those in a map get the outer
    project's (compose/project.py)."""
    for service in maps(document.get("services")):
        names = service.get("environment")
        if isinstance(names, list):
            for index, name in enumerate(names):
                if isinstance(name, str) and name in env:
                    names[index] = Derived(f"{name}={env[name]}")


def _over(document: Map, values: Map) -> Map:
    document = merged(document, values, ())
    without_doubles(document)
    lengthen(document)
    for service in maps(document.get("services")):
        if isinstance(service.get("dns"), list):
            service["dns"] = List([item for item in service["dns"] if item or isinstance(item, Derived)])
    without_doubles(document)
    return document


def read_env_file(
    disk: Disk, file: File, env: Env | None = None, known: Mapping[str, str] | None = None, raw: bool = False
) -> dict[str, str]:
    """Raises Refused. env, known: as in dotenv.parse."""
    parse = dotenv.parse_raw if raw else dotenv.parse
    try:
        return parse(disk.text(file), env or {}, known)
    except dotenv.BadEnvFile as error:
        raise Refused(Finding((), Place(file.shown, error.line), "", error.message, "correct the line")) from None
