"""Asks compose-go, the library inside `docker compose`, what it makes of files: the judge of our own reader.

The program in oracle/ is built once for its sources, in .lab/oracle or beside the images of LAB_CACHE.
"""

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "oracle"
HOME = "/home/oracle"  # what the program expands `~` to


def program() -> Path:
    """The built program. Raises RuntimeError with Go's own words if it cannot be built."""
    found = _cache() / _digest() / "oracle"
    if found.exists():
        return found
    found.parent.mkdir(parents=True, exist_ok=True)
    with (found.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one pytest run start together
        if not found.exists():
            _build(found)
    return found


def _cache() -> Path:
    cache = os.environ.get("LAB_CACHE")
    return Path(cache).resolve() / "oracle" if cache else ROOT / ".lab/oracle"


def _digest() -> str:
    text = b"".join((SOURCES / name).read_bytes() for name in ("main.go", "go.mod", "go.sum"))
    return hashlib.sha256(text).hexdigest()[:8]


def _build(target: Path) -> None:
    go = subprocess.run([ROOT / "lab/find-go"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    new = target.with_suffix(".new")
    env = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    built = subprocess.run(
        [go, "build", "-trimpath", "-o", new, "."], cwd=SOURCES, env=env, capture_output=True, text=True
    )
    if built.returncode:
        raise RuntimeError(f"the oracle could not be built with {go}:\n{built.stderr}")
    new.rename(target)


class Oracle:
    """One running program. Every question has its answer before the next is asked."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([program()], stdin=pipe, stdout=pipe, env={}, text=True)

    def __enter__(self) -> "Oracle":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to one request of main.go: "error" is compose-go's refusal, "warnings" what it would log."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the oracle ended with {self._process.wait()} on {json.dumps(request)}")
        return json.loads(line)

    def project(
        self,
        folder: Path,
        files: Iterable[str],
        *,
        env_files: Iterable[str] = (),
        profiles: Iterable[str] = (),
        name: str = "",
        project_directory: str = "",
        all: bool = True,
    ) -> dict[str, Any]:
        """What `docker compose -f FILE … config`, run in the folder, makes of the files, but with no shell variables.

        all: with what no service uses, which `docker compose up` would not make.
        """
        return self.ask(
            working_dir=str(folder),
            files=[*files],
            env_files=[*env_files],
            profiles=[*profiles],
            name=name,
            project_directory=project_directory,
            all=all,
        )

    def dotenv(self, text: str, env: dict[str, str], format: str = "") -> dict[str, str] | None:
        """The variables of an env file's text. format: "" or "raw". None if compose-go refuses it."""
        found = self.ask(dotenv=text, env=env, format=format)
        return None if "error" in found else found["vars"]

    def template(self, text: str, env: dict[str, str]) -> str | None:
        """The text with its variables replaced. None if compose-go refuses it."""
        found = self.ask(template=text, env=env)
        return None if "error" in found else found["text"]

    def parsed(self, how: str, value: Any) -> Any:
        """A value as compose-go reads it. how: "command", "duration", "bytes", "port", "volume" or "hosts". None if
        compose-go refuses it."""
        found = self.ask(parse=how, value=value)
        return None if "error" in found else found["value"]

    def schema(self) -> dict[str, Any]:
        """The Compose specification, as a JSON schema."""
        return self.ask(schema=True)["schema"]
