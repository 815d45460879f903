"""What the documents say is what the code has."""

import re
import subprocess
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


def test_every_fact_that_the_code_leans_on_is_written_down() -> None:
    """An anchor of docs/upstream-facts.md, in whatever file it is cited."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    cited = set()
    for name in listed:
        if (ROOT / name).is_file() and not name.endswith((".gz", ".md")):
            cited |= set(re.findall(r"docs/upstream-facts\.md#([\w-]+)", (ROOT / name).read_text(errors="replace")))
    assert len(cited) > 8 and cited <= set(headings_of(ROOT / "docs/upstream-facts.md"))
    assert not re.search(r"\bFACTS" + r"\.md", "".join((ROOT / name).read_text() for name in DOCUMENTS))


def test_the_list_of_decisions_has_each_with_its_title_status_and_date() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    decisions = sorted((ROOT / "docs/decisions").glob("0*.md"))
    assert len(decisions) > 20
    for path in decisions:
        text = path.read_text()
        head = re.match(r"# (\d+)\. (.+)\n\n\*\*Status\.\*\* (\w+).*\*\*Date\.\*\* (\S+)\.\n", text)
        assert head, path
        number, title, status, date = head.groups()
        assert f"| {number} | [{title}]({path.name}) | {status} | {date} |" in listed


def test_the_readmes_site_is_one_that_the_program_takes() -> None:
    import yaml

    from config.site import parse_site
    from tests.unit.sites import make_plan

    raw = yaml.safe_load((ROOT / "examples/Pulumi.home.yaml").read_text())["config"]["macvlan-ipv6:site"]
    site, problems = parse_site({**raw, "ula": {"prefix": "fd0d:7eb5:2afd::/64"}})
    assert problems == [] and site is not None
    assert make_plan(site)[1] == []


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
