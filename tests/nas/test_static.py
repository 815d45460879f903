"""What can be said of the files without running them."""

import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from inputs.nas_scripts import read_nas_scripts
from install.scripts import PARTS, parts
from tests.nas.box import MADE, NAS, ROOT, run

TEXTS = {name: text for name, text in read_nas_scripts(ROOT).items() if name.endswith(".sh")}
SCRIPTS = sorted(TEXTS)
PLACES = {name: (MADE if name in PARTS else NAS) / name for name in SCRIPTS}
QUOTED = sorted(path for path in (NAS / "embedded").iterdir() if path.suffix != ".sh")
SINCE = {
    line.split()[0]: int(line.split()[1])
    for line in (Path(__file__).parent / "systemd.since").read_text().splitlines()
    if not line.startswith("#")
}


def render(unit: str, program: str = "/bin/true", docker_unit: str = "docker.service") -> str:
    for name, text in (("PROGRAM", program), ("CONF", "/etc/x.conf"), ("DOCKER_UNIT", docker_unit)):
        unit = unit.replace(f"@{name}@", text)
    return unit


IP_2016 = (ROOT / "lab/box/dsm/usr/lib/lab/ip-2016").read_text()  # the list, with where it is from
UNITS = sorted(path.name for path in NAS.glob("*.service"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    done = run(ROOT / ".venv/bin/shellcheck", "-s", "sh", PLACES[script], check=False)
    assert done.stdout == "" and done.returncode == 0


@pytest.mark.parametrize("part", sorted(path for path in parts() if path.endswith(".sh")))
def test_a_part_is_clean_alone_and_short_enough_to_be_read(part: str) -> None:
    """What one part sets, another uses: that alone is not asked of it."""
    words = ("-s", "sh", "-e", "SC2034,SC2154", NAS / part)
    assert run(ROOT / ".venv/bin/shellcheck", *words, check=False).stdout == ""
    assert len((NAS / part).read_text().splitlines()) <= 130 and (NAS / part).read_text().startswith("# ")


def test_every_file_of_the_parts_is_used_and_every_word_filled_in() -> None:
    there = {str(path.relative_to(NAS)) for path in NAS.glob("*/*") if path.is_file()}
    assert there == set(parts())
    for name in PARTS:
        assert re.findall(r"@[A-Z_]+@|'@", TEXTS[name]) == [], name
        assert "macvlan-ipv6" in "".join(TEXTS[name].splitlines()[:3]), "install.sh knows our files by it"


@pytest.mark.parametrize("path", QUOTED, ids=lambda path: path.name)
def test_awk_and_perl_stand_between_single_quotes(path: Path) -> None:
    assert "'" not in path.read_text()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"], ["bash", "--posix"]])
def test_every_shell_parses_it(script: str, shell: list[str]) -> None:
    assert run(*shell, "-n", PLACES[script]).stderr == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_evaluates_or_sources_data(script: str) -> None:
    code = "\n".join(line for line in TEXTS[script].splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"\beval\b|(^|[;&|]\s*)\.\s|\bsource\b", code, re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS)
def test_ip_is_spoken_to_as_iproute2_of_2016_understands(script: str) -> None:
    asks_for_it = "$ip -j link show lo"  # probe.sh, to learn whether it can
    calls = re.findall(r"\$ip\b[^|;&)\n]*", TEXTS[script])
    refused = [line.split()[0] for line in IP_2016.splitlines() if line and line[0] == "-"]
    options = {option.replace("[", "").replace("]", "") for option in refused} | {one.split("[")[0] for one in refused}
    assert len(refused) >= 4 and {"-j", "-json", "-br"} <= options
    assert not [call for call in calls if options & set(call.split()) and call != asks_for_it]
    assert not [call for call in calls if " metric " in call]


def test_unpack_is_small_enough_to_be_a_command() -> None:
    assert len((NAS / "unpack.sh").read_text().splitlines()) <= 17


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, name: str) -> None:
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    unit = tmp_path / "setup_docker_macvlan.service"
    unit.write_text(render((NAS / name).read_text()))
    for target in ("sysinit", "basic", "shutdown", "network", "multi-user"):
        (tmp_path / f"{target}.target").write_text("[Unit]\n")
    # These and no other: a fault in a unit of this machine's own is none of ours
    env = {**os.environ, "SYSTEMD_UNIT_PATH": str(tmp_path)}
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, env=env)
    assert done.stdout + done.stderr == "" and done.returncode == 0


def directives(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = ""
    for line in (NAS / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault(section, []).append(line)
    return found


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_uses_only_what_systemd_219_knows(name: str) -> None:
    used = {f"{section}.{line.split('=')[0]}" for section, lines in directives(name).items() for line in lines}
    assert len(used) > 5 and not [word for word in used if SINCE[word] > 219]


CALL = re.compile(
    r"(?:^|[;&|({!]|limited \d+|if|elif) *(?:systemctl_limited|systemctl|journalctl) ([^|;&)\n]*)", re.MULTILINE
)


def words_for_systemd(text: str) -> set[str]:
    """Commands, options and properties; not what else options take, nor the units."""
    found: set[str] = set()
    for call in CALL.findall(text.replace("\\\n", " ")):
        words = [word.split("=")[0] for word in call.split()]
        taken = {word for option, word in pairwise(words) if option in ("-o", "-s", "-n", "-u")}
        found |= {word for word in words if re.fullmatch(r"-?-?[A-Za-z][A-Za-z-]*", word)} - taken
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_systemd_is_asked_only_for_what_219_knows(script: str) -> None:
    used = words_for_systemd(TEXTS[script])
    assert not [word for word in used if SINCE[word] > 219]
    if script == "install.sh":
        assert {"reenable", "--kill-who", "-s", "-q", "NeedDaemonReload", "--no-pager", "list-unit-files", "-o"} <= used


def test_that_list_names_what_is_too_new() -> None:
    text = 'x=$(systemctl show --value -p Id "$1") && systemctl_limited enable --now "$u"'
    assert words_for_systemd(text) == {"show", "--value", "-p", "Id", "enable", "--now"}
    assert {word for word in words_for_systemd(text) if SINCE[word] > 219} == {"--value", "--now"}


def test_both_units_do_the_same_and_differ_only_in_what_starts_them() -> None:
    one, other = (directives(name) for name in UNITS)
    assert len(UNITS) == 2 and one["Service"] == other["Service"]
    assert one["Install"] != other["Install"]
