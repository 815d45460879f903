"""What the documents say is what the code has."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("lab/**/*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)


def headings_of(path: Path) -> list[str]:
    """As links name them."""
    found = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return [re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / document).read_text()):
        path, _, heading = target.partition("#")
        place = ROOT / document.parent / path if path else ROOT / document
        assert place.exists(), target
        assert not heading or heading in headings_of(place), target


LISTED = [
    name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    if (ROOT / name).is_file()
]
TEXTS = {name: (ROOT / name).read_text(errors="replace") for name in LISTED if not name.endswith(".gz")}
FACTS = "docs/upstream-facts.md"


def facts_and_how_they_are_known() -> list[tuple[str, str]]:
    return re.findall(r"^### (\S+)\n(?:.+\n)+\n\*\*How known\.\*\* ((?:.+\n)+)", (ROOT / FACTS).read_text(), re.M)


def test_a_fact_that_is_cited_is_written_down_and_one_that_is_written_down_is_cited() -> None:
    cited = {
        anchor
        for name, text in TEXTS.items()
        if name not in (FACTS, "tests/unit/test_docs.py")
        for anchor in re.findall(r"upstream-facts\.md#([\w-]+)", text)
    }
    assert cited == set(re.findall(r"^### (.*)$", (ROOT / FACTS).read_text(), re.M))
    assert not [name for name, text in TEXTS.items() if re.search(r"\bFACTS" + r"\.md", text)]


def test_each_fact_says_how_and_when_it_became_known() -> None:
    known = facts_and_how_they_are_known()
    assert [fact for fact, _ in known] == re.findall(r"^### (.*)$", (ROOT / FACTS).read_text(), re.M)
    assert [fact for fact, how in known if not re.search(r"\b20\d\d-\d\d-\d\d\b", how)] == []


FOLDERS = {name.partition("/")[0] for name in LISTED if "/" in name}
PLACES = {*LISTED, *(str(parent) for name in LISTED for parent in Path(name).parents)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_file_that_a_document_names_is_there_and_so_is_the_test_in_it(document: Path) -> None:
    """docs/tests.md leaves out `tests/`."""
    for place, name in re.findall(r"`([\w.-]+/[\w./-]+?)/?(?:::(\w+))?`", (ROOT / document).read_text()):
        if place.partition("/")[0] in FOLDERS:
            beside = str(document.parent / place)
            found = next((one for one in (place, f"tests/{place}", beside) if one in PLACES), None)
            assert found is not None, place
            assert not name or f"def {name}(" in TEXTS[found], name


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/tests.md"])
def test_a_command_for_one_test_finds_one(document: str) -> None:
    """In brackets is a parameter. A finding's test has the name of its case as one."""
    commands = re.findall(r'^\.venv/bin/pytest .*?(tests/\S+) -k "?([^"#\n]+?)"?(?: +#.*)?$', TEXTS[document], re.M)
    assert len(commands) == 4
    cases = [path.stem for path in (ROOT / "tests/unit/findings").glob("*.yaml")]
    for file, words in commands:
        names = [*re.findall(r"^def (test_\w+)", TEXTS[file], re.M), *(cases if "test_findings" in file else [])]
        wanted = [word for word in words.split(" and ") if not word.startswith("[")]
        assert [name for name in names if all(word in name for word in wanted)] != [], words


def test_the_glossary_names_what_the_code_has() -> None:
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), re.M)[2:]
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    product = "\n".join(
        TEXTS[name] for name in TEXTS if name.endswith((".py", ".sh")) and not name.startswith("tests/")
    )
    assert len(names) > 20
    keys = [name.rpartition(".")[2] if re.fullmatch(r"\w+\.\w+", name) else name for name in names]
    assert [
        name for name in keys if name not in PLACES and name.rstrip("/") not in PLACES and name not in product
    ] == []


DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
HEAD = r"# (\d+)\. (.+)\n\n\*\*Status\.\*\* (accepted|superseded)\b.* \*\*Date\.\*\* (20\d\d-\d\d-\d\d)\.\n"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_status_date_and_all_parts_and_stands_in_the_index(path: Path) -> None:
    text = path.read_text()
    head = re.match(HEAD, text)
    assert head is not None
    number, title, status, date = head.groups()
    assert f"{int(number):04}" == path.name[:4]
    assert f"| {number} | [{title}]({path.name}) | {status} | {date} |\n" in (path.parent / "README.md").read_text()
    parts = re.findall(r"^\*\*(Context|Decision|Also tried|Costs)\b", text, re.M)
    assert parts == ["Context", "Decision", "Also tried", "Costs"]


def test_the_readmes_site_and_compose_file_are_taken_as_they_are() -> None:
    import yaml

    from config.site import parse_site
    from inputs.compose_files import read_projects
    from tests.unit.projects import stack
    from tests.unit.sites import make_plan

    raw = yaml.safe_load((ROOT / "examples/Pulumi.home.yaml").read_text())["config"]["macvlan-ipv6:site"]
    site, problems = parse_site({**raw, "ula": {"prefix": "fd0d:7eb5:2afd::/64"}})
    assert problems == [] and site is not None
    projects, taken, problems = read_projects(site, ROOT)
    assert problems == [] and [key for one in taken for key in one.services] == ["pihole", "cloud", "db"]
    assert [one.severity for found in taken for one in found.problems] == ["note"]  # ports on the LAN
    assert [one for one in make_plan(site, projects)[1] if one.severity == "error"] == []
    [shown] = re.findall(r"```yaml\n(.*?)```", TEXTS["README.md"], re.S)
    found = stack(yaml.safe_load(shown), files={".env": "DB_PASSWORD=x"})
    assert found.problems == [] and [*found.containers] == ["db", "cloud"]


def test_the_readmes_command_shows_what_becomes_of_its_file() -> None:
    [command] = re.findall(r"^uv run (macvlan-ipv6 compose .*)$", TEXTS["README.md"], re.M)
    words = [sys.executable, *shlex.split(command)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("3 services taken, 0 warnings\n")


CLAIMS = re.findall(r"^\| (.+?) \| [^|]* \| (.+?) \| (test[^|]*) \|$", (ROOT / "docs/tests.md").read_text(), re.M)
PROOFS = [(proof, runs) for _, proofs, runs in CLAIMS for proof in re.findall(r"`([\w/.]+::\w+)`", proofs)]


@pytest.mark.parametrize(("proof", "runs"), PROOFS, ids=[proof for proof, _ in PROOFS])
def test_the_test_that_proves_a_claim_is_there_and_runs_when_it_is_said_to(proof: str, runs: str) -> None:
    file, _, name = proof.partition("::")
    found = re.search(rf"((?:^@.*\n|^    .*\n|^\]?\)\n)*)^def {name}\(", (ROOT / "tests" / file).read_text(), re.M)
    assert found is not None
    assert ("@pytest.mark.full\n" in found[1]) == (runs == "test-all")


def test_each_claim_has_a_proof() -> None:
    assert len(CLAIMS) > 45 and all(re.search(r"`[\w/.]+::\w+`", proofs) for _, proofs, _ in CLAIMS)
