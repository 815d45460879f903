"""Root file systems that a NAS boots from: layers, made once, found again by a digest of their recipe."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from box import prerequisites
from box.engines import COMPOSE, PROFILES, Engine, Profile
from box.locks import locked
from box.place import Place
from box.processes import long_step, run

BOX = Path(__file__).resolve().parent
GOFLAGS = "-mod=readonly -buildvcs=false"
# The path in the NAS, the package, its environment, build tags and linker flags. Docker 29's own number is not in its
# daemon's Go module; this one says where it comes from. Its client's module names no language version, for which go
# takes a very old one.
BUILT = {
    "engine29": (
        (
            "usr/bin/docker",
            "github.com/docker/cli/cmd/docker",
            {"CGO_ENABLED": "0", "GOFLAGS": f"{GOFLAGS} -gcflags=github.com/docker/cli/...=-lang=go1.25"},
            "netgo,osusergo",
            "-X github.com/docker/cli/cli/version.Version=29.9.3",
        ),
        (
            "usr/sbin/dockerd",
            "github.com/moby/moby/v2/cmd/dockerd",
            {"CGO_ENABLED": "0"},
            "netgo,osusergo,no_systemd",
            "-X github.com/moby/moby/v2/dockerversion.Version=29.0.0+moby.2.0.0-beta.24",
        ),
        (
            "usr/sbin/docker-proxy",
            "github.com/moby/moby/v2/cmd/docker-proxy",
            {"CGO_ENABLED": "0"},
            "netgo,osusergo",
            "",
        ),
        (
            "usr/sbin/runc",
            "github.com/opencontainers/runc",
            {"CGO_ENABLED": "1"},
            "seccomp,netgo,osusergo",
            "-extldflags -static -X main.version=1.4.3",
        ),
    ),
    "compose": (
        (
            "usr/libexec/docker/cli-plugins/docker-compose",
            "github.com/docker/compose/v2/cmd",
            {"CGO_ENABLED": "0"},
            "netgo,osusergo",
            "-X github.com/docker/compose/v2/internal.Version=v2.40.3",
        ),
    ),
}


def layers(place: Place, engine: Engine, profile: str, compose: str = "") -> list[Path]:
    """The folders to stack, lowest first. Builds what is not there; returns at once where all is.
    compose: how the version of Docker Compose begins, "" for a NAS without it."""
    return [*_system(place, engine, profile), *([_compose(place, compose)] if compose else [])]


def _system(place: Place, engine: Engine, profile: str) -> list[Path]:
    base = place.images / f"{engine.suite}-{profile}-{_digest(_recipe(engine, profile))}"
    wanted = [(base, lambda log: _debian(base, engine, profile, log))]
    if engine.built:
        top = place.images / f"{engine.built}-{_digest(_source(engine.built))}"
        wanted.append((top, lambda log: _from_source(top, engine.built, log)))
    if all(folder.exists() for folder, _ in wanted):
        return [folder for folder, _ in wanted]  # a lab that needs nothing built does not wait for another's build
    with locked(place.images / f".{engine.suite}.lock", f"building the NAS's image for Docker {engine.version}"):
        if not all(folder.exists() for folder, _ in wanted):
            prerequisites.require_programs(build=True)
            prerequisites.require_space(place.images, bool(engine.built))
        for folder, make in wanted:
            if not folder.exists():
                make(place.images / f"{folder.name}.log")
    return [folder for folder, _ in wanted]


def _compose(place: Place, version: str) -> Path:
    """One for all engines and profiles: the program is a static one, or asks for no newer libc than the oldest has."""
    source = COMPOSE[version]
    target = place.images / f"compose-{version}-{_digest(_source(source) if source else {'how': FETCH_COMPOSE})}"
    if target.exists():
        return target
    with locked(place.images / ".compose.lock", f"getting Docker Compose {version}"):
        if not target.exists():
            prerequisites.require_programs(build=True)
            prerequisites.require_space(place.images, bool(source))
            log = place.images / f"{target.name}.log"
            if source:
                _from_source(target, source, log)
            else:
                _compose_of_debian(target, log)
    return target


# Beside a system's own busybox: the package cannot be installed, as the two are in conflict.
FETCH_STATIC = (
    'mkdir -p "$1/usr/lib/lab" && cd "$1/tmp"'
    ' && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq download busybox-static && dpkg -x busybox-static_*.deb .'
    ' && mv $(find . -path "*/bin/busybox") "$1/usr/lib/lab/busybox-static"'
)

# Only the program of the package, into the folder "layer": the rest would lie over the NAS's own files.
FETCH_COMPOSE = (
    'mkdir "$1/deb" "$1/layer" && cd "$1/deb"'
    ' && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq download docker-compose && dpkg -x docker-compose_*.deb .'
    " && plugins=usr/libexec/docker/cli-plugins"
    ' && mkdir -p "$1/layer/$plugins" && mv "$plugins/docker-compose" "$1/layer/$plugins"'
)


def _packages(engine: Engine, profile: Profile) -> tuple[tuple[str, ...], list[str]]:
    """What mmdebstrap installs, and its further words."""
    if profile.busybox == Profile.busybox:
        return engine.packages, []
    own = tuple("busybox" if name == "busybox-static" else name for name in engine.packages)
    return own, [f"--customize-hook={FETCH_STATIC}"]


def _recipe(engine: Engine, profile: str) -> dict[str, object]:
    dressed = PROFILES[profile]
    files = {path: text for folder in dressed.files for path, text in _tree(BOX / folder).items()}
    packages, hooks = _packages(engine, dressed)
    recipe: dict[str, object] = {"suite": engine.suite, "packages": packages, "files": files, "users": dressed.users}
    if dressed.dress:
        dress = (BOX / dressed.dress).read_text()
        recipe |= {"dress": dress, "hooks": hooks, "useradd": dressed.useradd, "password": dressed.password}
    return {**recipe, "units": ENABLED}


def _source(name: str) -> dict[str, object]:
    return _tree(BOX / name) | {"how": BUILT[name]}


def _tree(folder: Path) -> dict[str, object]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def _digest(recipe: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]


def _mmdebstrap(what: str, words: list[str], suite: str, new: Path, log: Path) -> None:
    mirror = [os.environ["LAB_MIRROR"]] if os.environ.get("LAB_MIRROR") else []
    long_step(
        what,
        ["mmdebstrap", "--mode=root", "--format=directory", *words, suite, str(new), *mirror],
        log,
        "see whether this machine reaches Debian's packages (apt-get update); LAB_MIRROR=URL names another mirror",
        # A host's policy against starting services must not decide what the image has.
        {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def _compose_of_debian(target: Path, log: Path) -> None:
    new = _fresh(target)
    words = ["--variant=custom", f"--customize-hook={FETCH_COMPOSE}"]
    _mmdebstrap("getting Docker Compose from Debian trixie (once; some seconds)", words, "trixie", new, log)
    (new / "layer").rename(target)
    shutil.rmtree(new)


def _debian(target: Path, engine: Engine, profile: str, log: Path) -> None:
    new, dressed = _fresh(target), PROFILES[profile]
    packages, hooks = _packages(engine, dressed)
    words = ["--variant=minbase", f"--include={','.join(packages)}", *hooks]
    what = f"making the NAS's image: Debian {engine.suite} with Docker (once; about 30 s)"
    _mmdebstrap(what, words, engine.suite, new, log)
    for folder in dressed.files:
        shutil.copytree(BOX / folder, new, dirs_exist_ok=True, symlinks=True)
    run("chroot", new, "systemctl", "enable", *ENABLED)
    run("chroot", new, "systemctl", "mask", *MASKED, check=False)
    if dressed.dress:
        run("chroot", new, "sh", "-s", text=(BOX / dressed.dress).read_text())
    for name, (uid, groups) in dressed.users.items():
        more = ["--groups", groups] if groups else []
        run("chroot", new, "useradd", "--create-home", "--uid", str(uid), *dressed.useradd, *more, name)
        if dressed.password:
            run("chroot", new, "chpasswd", text=f"{name}:{dressed.password}\n")
    for key in (new / "etc/ssh").glob("ssh_host_*"):
        key.unlink()  # each lab has its own
    (new / "etc/machine-id").write_text("")
    new.rename(target)


ENABLED = ("cgroup-writable.service", "own-links.service", "docker.service", "ssh.service")
# What has nothing to do in a box, and would only make it slower.
MASKED = (
    *(f"systemd-networkd{unit}" for unit in (".service", ".socket", "-wait-online.service")),
    *(f"{timer}.timer" for timer in ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "fstrim", "e2scrub_all")),
)


def _from_source(target: Path, name: str, log: Path) -> None:
    new = _fresh(target)
    if any(env["CGO_ENABLED"] == "1" for _, _, env, _, _ in BUILT[name]):
        prerequisites.require(prerequisites.TO_BUILD_RUNC)
    go = run(BOX.parent / "find-go", timeout=600).stdout.strip()
    for path, package, env, tags, flags in BUILT[name]:
        out = new / path
        out.parent.mkdir(parents=True, exist_ok=True)
        settings = {**os.environ, "GOFLAGS": GOFLAGS, **env}
        listed = log.with_suffix(".packages")
        remedy = "see whether this machine reaches the Go modules; lab/find-go says which Go is used"
        what = f"getting the Go modules of {out.name} (once)"
        long_step(what, [go, "list", "-deps", "-tags", tags, package], listed, remedy, settings, BOX / name)
        long_step(
            f"building {out.name} from its Go module (once; some minutes)",
            [go, "build", "-v", "-trimpath", *("-tags", tags), *("-ldflags", f"-s -w {flags}"), *("-o", out), package],
            log,
            remedy,
            settings,
            BOX / name,
            lines=len(listed.read_text().splitlines()),
        )
        listed.unlink()
    new.rename(target)


def _fresh(target: Path) -> Path:
    new = target.with_name(target.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    new.chmod(0o755)
    return new
