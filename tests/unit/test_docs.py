"""What the documents say is what the code has."""

import re
from pathlib import Path

import pytest

from config.service import Healthcheck, Logging, Service
from config.site import Site

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text()
PLAIN = ("probe", "containers", "compose", "external_containers")
SECTIONS = [name for name in Site.model_fields if name not in PLAIN]


@pytest.mark.parametrize(
    "key",
    [
        *(f"{name}.{key}" for name in SECTIONS for key in Site.model_fields[name].annotation.model_fields),  # type: ignore[union-attr]
        *PLAIN,
        *Service.model_fields,
        *Healthcheck.model_fields,
        *Logging.model_fields,
    ],
)
def test_the_guide_names_every_key(key: str) -> None:
    assert f"`{key}`" in GUIDE


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / "README.md").read_text()):
        path, _, heading = target.partition("#")
        assert (ROOT / path).exists(), target
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), re.M) if heading else []
        assert not heading or heading in [one.lower().replace(" ", "-") for one in headings], target


def test_the_readmes_site_is_one_that_the_program_takes() -> None:
    import yaml

    from config.site import parse_site
    from tests.unit.sites import make_plan

    raw = yaml.safe_load((ROOT / "examples/Pulumi.home.yaml").read_text())["config"]["macvlan-ipv6:site"]
    site, problems = parse_site({**raw, "ula": {"prefix": "fd0d:7eb5:2afd::/64"}})
    assert problems == [] and site is not None
    assert make_plan(site)[1] == []
