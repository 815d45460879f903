"""`make test` and `make test-all`: the parts of the suite beside each other, and where their seconds went.

    python -m tests.suite [--full] [--jobs N] [PART…]     runs the parts, or those that are named
    python -m tests.suite --record                        writes the last runs' seconds into docs/tests.md

A part is one pytest. The end-to-end parts mostly wait for a box, so one more runs than there are processors.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMINGS = ROOT / ".timings"
DOCUMENT, BEGIN, END = ROOT / "docs/tests.md", "<!-- seconds: begin -->", "<!-- seconds: end -->"
E2E = "tests/e2e/test_"
PREVIEWS, CHANGES = ("preview_look", "preview_drift"), ("preview_change", "preview_adoption", "preview_images")


@dataclass(frozen=True)
class Part:
    """files: of tests/e2e, by the middle of their names; words: pytest's, where it is none of those. engine: Docker's,
    "" where the files choose for themselves. why: what it is there for beside the same files on 26."""

    name: str
    files: tuple[str, ...] = ()
    engine: str = ""
    words: tuple[str, ...] = ()
    full: bool = False
    why: str = ""

    def command(self, full: bool) -> list[str]:
        files = [f"{E2E}{name}.py" for name in self.files]
        engine = ["--engine", self.engine] if self.engine else []
        return [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rP",
            *(["--full"] if full else []),
            *engine,
            *self.words,
            *files,
        ]


# The longest first, so that the last ones end together.
PARTS = (
    Part("nas", words=("-n", "2", "tests/nas")),
    Part("changes-26", CHANGES, "26"),
    Part("ipv6-26", ("ipv6",), "26"),
    Part("ipv6-loop-26", ("ipv6_loop",), "26"),
    Part("laptops", ("laptops", "states")),
    Part("dsm-hooks", ("dsm_hooks",)),
    Part("main-26", ("main_job", "persistence", "destroy", "logins", "bad_input"), "26"),
    Part("second-lan-26", ("second_lan",), "26"),
    Part("macs-29", ("macs",), "29", why="only 28 and newer give containers a MAC of their own at each start"),
    Part("previews-26", PREVIEWS, "26"),
    Part("engine", words=("tests/engine",)),
    Part("dsm-upgrades", ("dsm_upgrades",)),
    Part("dsm-users", ("dsm_users",)),
    Part("hostile", ("hostile",)),
    Part("policy-26", ("policy_routing",), "26"),
    Part("adopt-26", ("adopt_ipv4",), "26"),
    Part("project-26", ("compose_project", "projects"), "26"),
    Part("compose", words=("-n", "2", "tests/compose")),
    Part("engines-20.10", ("engines",), "20.10", why="the oldest; only it loses a start to each advertisement"),
    Part("engines-29", ("engines",), "29", why="the newest; it sets no IPv6 gateway and takes sysctls by the endpoint"),
    Part("upgrade", ("upgrade",)),
    Part("lab", ("lab",)),
    Part("make", ("make",)),
    Part("previews-29", PREVIEWS, "29", full=True, why="it takes no gateway by itself, and a second network"),
    Part("previews-20.10", PREVIEWS, "20.10", full=True, why="it hides the gateway that it took"),
    Part("changes-29", CHANGES, "29", full=True, why="it imports a network that has no IPv6 gateway"),
    Part("changes-20.10", CHANGES, "20.10", full=True, why="it hides the gateway of a network to import"),
    Part("ipv6-29", ("ipv6",), "29", full=True, why="it sets no IPv6 gateway"),
    Part("ipv6-20.10", ("ipv6",), "20.10", full=True, why="the oldest"),
    Part("ipv6-loop-29", ("ipv6_loop",), "29", full=True, why="a container's MAC is another one at each start"),
    Part("ipv6-loop-20.10", ("ipv6_loop",), "20.10", full=True, why="Docker switches IPv6 off for all interfaces"),
    Part("projects-29", ("projects",), "29", full=True, why="a container's default route is where it is told to be"),
    Part("projects-20.10", ("projects",), "20.10", full=True, why="the oldest; it forgets what later engines know"),
    Part("project-dsm", ("compose_project",), "dsm", full=True, why="DSM's Docker, ip and busybox"),
    Part("adopt-dsm", ("adopt_ipv4",), "dsm", full=True, why="DSM's busybox tools, an older systemd, no nsenter"),
    Part("adopt-29", ("adopt_ipv4",), "29", full=True, why="the newest"),
    Part("adopt-20.10", ("adopt_ipv4",), "20.10", full=True, why="Docker switches IPv6 off for all interfaces"),
    Part("lab-dsm", ("lab_dsm",), full=True),
    Part("second-lan-29", ("second_lan",), "29", full=True, why="it may have two networks on one parent"),
    Part("second-lan-20.10", ("second_lan",), "20.10", full=True, why="the oldest"),
    Part("policy-dsm", ("policy_routing",), "dsm", full=True, why="DSM's own ip, an older systemd and another parent"),
    Part("policy-29", ("policy_routing",), "29", full=True, why="the newest"),
    Part("policy-20.10", ("policy_routing",), "20.10", full=True, why="the oldest"),
    Part("macs-20.10", ("macs",), "20.10", full=True, why="the planned MAC is its own default"),
    Part("macs-26", ("macs",), "26", full=True, why="the planned MAC is its own default"),
)


@dataclass(frozen=True)
class Outcome:
    part: Part
    code: int
    seconds: float
    said: str

    @property
    def summary(self) -> str:
        """pytest's own last line of counts, less its frame; under xdist other lines may come after it."""
        lines = self.said.strip().splitlines() or [""]
        counts = (line for line in reversed(lines) if re.search(r"\d (passed|failed|errors?)\b.* in \d", line))
        return next(counts, lines[-1]).strip("= ")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.suite", description="Runs the suite's parts beside each other."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(part.name for part in PARTS))
    parser.add_argument("--full", action="store_true", help="everything, as `make test-all` does")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1, help="how many parts at a time")
    parser.add_argument("--record", action="store_true", help="writes the last runs' seconds into docs/tests.md")
    options = parser.parse_args()
    if options.record:
        return record()
    unknown = set(options.parts) - {part.name for part in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    chosen = [part for part in PARTS if part.name in options.parts or (not options.parts and part.full <= options.full)]
    started = time.monotonic()
    print(f"{len(chosen)} parts, {options.jobs} at a time; each is shown when it is done", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda part: run(part, options.full), chosen))
    seconds = time.monotonic() - started
    keep(outcomes, seconds, options.full, bool(options.parts))
    print("\n".join(table(outcomes)))
    print(f"{seconds:8.0f}  in all; {now()} UTC, commit {commit()}, {machine()}")
    failed = [outcome for outcome in outcomes if outcome.code]
    for outcome in failed:
        words = " ".join(outcome.part.command(options.full)).replace(sys.executable, ".venv/bin/python")
        print(f"\n{outcome.part.name} failed: {outcome.summary}\n  -> {words}")
    return 1 if failed else 0


def run(part: Part, full: bool) -> Outcome:
    """One part to its end. What it printed is shown whole where it failed, else its last line."""
    (TIMINGS / f"{part.name}.json").unlink(missing_ok=True)  # a part that is killed writes none
    started = time.monotonic()
    environment = {**os.environ, "SUITE_PART": part.name}
    done = subprocess.run(
        part.command(full), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    outcome = Outcome(part, done.returncode, time.monotonic() - started, done.stdout)
    shown = outcome.said if outcome.code else "\n".join([*facts(outcome.said), outcome.summary])
    print(f"---- {part.name}: {'failed' if outcome.code else 'passed'} in {outcome.seconds:.0f} s\n{shown}", flush=True)
    return outcome


def facts(said: str) -> Iterable[str]:
    """What tests measured and printed, for instance seconds until a shim is there."""
    return (line for line in said.splitlines() if line.startswith("engine ") or " s " in line[:60])


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Seconds by part, and by file within it, a box's boot included."""
    lines = ["", f"{'seconds':>8}  part and file"]
    for outcome in outcomes:
        lines.append(f"{outcome.seconds:8.0f}  {outcome.part.name}: {outcome.summary}")
        for name, seconds in files_of(outcome.part.name):
            lines.append(f"{seconds:8.0f}      {name}")
    return lines


def files_of(part: str) -> list[tuple[str, float]]:
    """By tests/conftest.py: file → seconds, the longest first."""
    try:
        told = json.loads((TIMINGS / f"{part}.json").read_text())["files"]
    except (OSError, ValueError, KeyError):
        return []
    return sorted(told.items(), key=lambda item: -item[1])


def keep(outcomes: list[Outcome], seconds: float, full: bool, some: bool) -> None:
    """Adds this run to .timings/runs.jsonl, from which `--record` writes its tables."""
    if some:
        return
    told = {
        "command": "make test-all" if full else "make test",
        "date": now(),
        "commit": commit(),
        "machine": machine(),
        "seconds": round(seconds),
        "passed": not any(outcome.code for outcome in outcomes),
        "parts": {outcome.part.name: [round(outcome.seconds), outcome.summary] for outcome in outcomes},
    }
    TIMINGS.mkdir(exist_ok=True)
    with (TIMINGS / "runs.jsonl").open("a") as file:
        file.write(json.dumps(told) + "\n")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def commit() -> str:
    """`+` where files differ from it: such a run says nothing of the commit alone."""
    words = ("rev-parse", "--short", "HEAD"), ("status", "--porcelain")
    head, changed = (
        subprocess.run(["git", *one], cwd=ROOT, capture_output=True, text=True).stdout.strip() for one in words
    )
    return f"{head}{'+' if changed else ''}"


def machine() -> str:
    """Cores, memory and the versions that seconds depend on; lab/box/engines.py pins each Docker to the letter."""
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    engines = " and ".join(sorted({part.engine for part in PARTS if part.engine}))
    return (
        f"{os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, Python {platform.python_version()}, "
        f"Docker {engines}"
    )


def record() -> int:
    """The last five runs of `make test`, the last of `make test-all`, and the parts of the last of each."""
    runs = [json.loads(line) for line in (TIMINGS / "runs.jsonl").read_text().splitlines()]
    shown = [run for run in runs if run["command"] == "make test"][-5:]
    shown += [run for run in runs if run["command"] == "make test-all"][-1:]
    lines = ["| command | date (UTC) | commit | minutes | passed | machine |", "|---|---|---|---|---|---|"]
    for one in shown:
        minutes = f"{one['seconds'] / 60:.1f}"
        passed = "yes" if one["passed"] else "no"
        lines.append(
            f"| `{one['command']}` | {one['date']} | {one['commit']} | {minutes} | {passed} | {one['machine']} |"
        )
    last = {one["command"]: one for one in shown}
    for command, one in last.items():
        lines += ["", f"Parts of the last `{command}`, {one['date']}:", "", "| part | seconds | |", "|---|---|---|"]
        lines += [f"| {name} | {seconds} | {summary} |" for name, (seconds, summary) in one["parts"].items()]
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
