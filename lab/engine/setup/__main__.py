"""Chooses where the engine comes from, gets it, and says so. See lab/engine/install."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from lab.box.locks import locked

from . import built, official
from .choice import BIN, CLI_VERSION, ENGINE, HOME, PLUGINS, ROOT, Choice, SetupProblem, chosen

PARTS = {name: f"{name} plugin" for name in PLUGINS}
CLI, HOST = "CLI", "language host"


def main() -> int:
    """Returns the exit code."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["--which"]):
        print("usage: lab/engine/install [--which]", file=sys.stderr)
        return 2
    try:
        found = chosen()
        key = _key()
        if not (found and found.holds(key)):
            if arguments:
                raise SetupProblem("the engine is not installed, or something has changed since\n  -> make engine")
            found = _install(key)
    except SetupProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    print(found.show(), end="")
    return 0


def _key() -> dict[str, str]:
    mode = os.environ.get("ENGINE", "")
    if mode not in ("", "path"):
        raise SetupProblem(f"ENGINE={mode} is unknown\n  -> ENGINE=path for the pulumi on PATH, or leave it out")
    theirs = official.on_path()
    return {
        "engine": mode,
        "on PATH": str(theirs or ""),
        "home": str(official.persons_home()) if theirs else "",
        "checkout": str(ROOT),
        "setup": hashlib.sha256(
            b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))
        ).hexdigest(),
        "modules": built.stamp(),
    }


def _install(key: dict[str, str]) -> Choice:
    with locked(ENGINE / "lock", "getting or building the Pulumi engine"):
        found = chosen()
        if not (found and found.holds(key)):  # another run may have done it meanwhile
            found = _choose(key)
            found.write()
    return found


def _choose(key: dict[str, str]) -> Choice:
    if key["engine"] == "path":
        return _as_it_is(key)
    HOME.mkdir(parents=True, exist_ok=True)
    built.remove_stand_ins()
    theirs = official.on_path()
    can_download: bool | None = None
    if theirs and official.language_host(theirs):
        official.share_plugins(official.persons_home())
        if not _all_plugins():
            can_download = official.reachable()
        if _all_plugins() or (can_download and all(_get(theirs, name) for name in PLUGINS)):
            return _with(key, theirs, f"official {official.version(theirs)} ({theirs})")
    if can_download is None:
        can_download = official.reachable()
    try:
        if can_download:
            pulumi = official.download()
            return _with(key, pulumi, f"official v{CLI_VERSION}, downloaded ({pulumi})")
        print("the official engine is neither on PATH nor can it be downloaded here", flush=True)
    except SetupProblem as problem:
        print(f"{problem}\nbuilding it instead", flush=True)
    pulumi = built.cli()
    return _with(key, pulumi, f"v{CLI_VERSION}, built from its Go module ({pulumi})")


def _as_it_is(key: dict[str, str]) -> Choice:
    """ENGINE=path: nothing of the person's is changed, but for plugins that are missing and can be had."""
    pulumi = official.on_path()
    if pulumi is None:
        raise SetupProblem(
            "ENGINE=path was asked for, but there is no pulumi on PATH\n  -> https://www.pulumi.com/docs/install/"
        )
    host = official.language_host(pulumi) or shutil.which(official.HOST)
    if host is None:
        raise SetupProblem(f"{pulumi} has no {official.HOST} beside it or on PATH\n  -> install the official Pulumi")
    home = official.persons_home()
    places = {name: official.plugin(name, home) for name in PLUGINS}
    for name in [name for name, place in places.items() if place is None]:
        if official.reachable() and official.install_plugin(pulumi, name, home):
            places[name] = official.plugin(name, home)
        else:
            remedy = f"pulumi plugin install resource {name} {PLUGINS[name]}"
            raise SetupProblem(f"the {name} plugin {PLUGINS[name]} is not in {home}/plugins or on PATH\n  -> {remedy}")
    found = {name: place for name, place in places.items() if place}
    origins = {CLI: f"{official.version(pulumi)} ({pulumi})", HOST: str(host)}
    origins |= {PARTS[name]: str(place) for name, place in found.items()}
    files = (str(pulumi), str(host), *map(str, found.values()))
    return Choice(key, origins, files, {"ENGINE": "path", "PULUMI_HOME": str(home), "PATH": str(pulumi.parent)})


def _all_plugins() -> bool:
    return all((HOME / "plugins" / f"resource-{name}-v{v}").exists() for name, v in PLUGINS.items())


def _get(pulumi: Path, name: str) -> bool:
    print(f"downloading the {name} plugin {PLUGINS[name]} ...", flush=True)
    return official.install_plugin(pulumi, name, HOME)


def _with(key: dict[str, str], pulumi: Path, origin: str) -> Choice:
    """The parts that go with a CLI: official where they can be had, else the stand-ins."""
    origins, files = {CLI: origin}, [str(pulumi)]
    is_built = pulumi == BIN / "pulumi" and (BIN / "built-from").exists()
    host = None if is_built else official.language_host(pulumi)
    origins[HOST] = official.origin(HOST, host) if host else "stand-in (lab/engine/language_host)"
    files.append(str(host or built.language_host()))
    for name in PLUGINS:
        place = HOME / "plugins" / f"resource-{name}-v{PLUGINS[name]}"
        if not is_built and (place.exists() or _get(pulumi, name)):
            origins[PARTS[name]] = official.origin(name, place)
        else:
            place = built.plugin(pulumi, name)
            origins[PARTS[name]] = f"stand-in for {PLUGINS[name]} (lab/engine/{name}_provider)"
        files.append(str(place))
    built.compile_stand_ins()
    # The lab's client has no internet: an engine that looked for updates or plugins would only wait there.
    variables = {
        "PULUMI_HOME": str(HOME),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PATH": str(pulumi.parent),
    }
    return Choice(key, origins, tuple(files), variables)


if __name__ == "__main__":
    sys.exit(main())
