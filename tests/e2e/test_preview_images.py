"""Containers are updated when a person says so: pulled from a registry of the lab, or brought to the NAS by hand."""

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.drive import ROOT, Box, Stack

REGISTRY = "192.168.1.20:5000"  # on the lab's client
IMAGE, LOCAL = f"{REGISTRY}/app:latest", "made-here:latest"
PULLED = "macvlan-ipv6:imagesPulled"
VERSION = "docker inspect -f '{{range .Config.Env}}{{.}} {{end}}'"


class Images:
    """The registry's one image, in as many versions as one likes: the lab's busybox with another variable."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box, self.folder = box, folder
        box.nas("docker save busybox -o /root/busybox.tar && base64 -w0 /root/busybox.tar >/root/busybox.b64")
        saved = io.BytesIO(base64.b64decode(box.nas("cat /root/busybox.b64; rm /root/busybox.*")))
        with tarfile.open(fileobj=saved) as archive:
            told = json.loads(_read(archive, "manifest.json"))[0]
            self.config = json.loads(_read(archive, told["Config"]))
            layer = _read(archive, told["Layers"][0])
        self.layer = layer if layer[:2] == b"\x1f\x8b" else gzip.compress(layer)

    def publish(self, version: int) -> None:
        self.config["config"] = {**self.config.get("config", {}), "Env": [f"VERSION={version}"]}
        parts = [
            ("container.image.v1+json", json.dumps(self.config).encode()),
            ("image.rootfs.diff.tar.gzip", self.layer),
        ]
        told = [
            {"mediaType": f"application/vnd.docker.{kind}", "size": len(blob), "digest": self._put(blob)}
            for kind, blob in parts
        ]
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": told[0], "layers": told[1:]}
        blob = json.dumps(manifest).encode()
        (self.folder / "manifest").write_bytes(blob)

    def withdraw(self) -> None:
        (self.folder / "manifest").unlink()

    def _put(self, blob: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        (self.folder / digest).write_bytes(blob)
        return digest


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


@pytest.fixture(scope="module")
def images(look_box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """A registry that the NAS's Docker takes without TLS."""
    folder = tmp_path_factory.mktemp("registry")
    look_box.nas(
        f'mkdir -p /etc/docker && echo \'{{"insecure-registries": ["{REGISTRY}"]}}\' >/etc/docker/daemon.json'
        " && systemctl reset-failed docker && systemctl restart docker"
    )
    process = look_box.start("client", f"{sys.executable} {ROOT}/tests/e2e/registry.py {folder} 5000")
    made = Images(look_box, folder)
    yield made
    process.terminate()
    process.wait()
    look_box.nas("rm /etc/docker/daemon.json")


@pytest.fixture(scope="module")
def up(looked: Stack, images: Images) -> Stack:
    """app: pulled from the registry; here: of an image that was imported on the NAS. Each has a file on a volume."""
    images.publish(1)
    imported(looked.box, 1)
    site = looked.site()
    del site["compose"]
    site["containers"] = {
        "app": {"image": IMAGE, "ipv4_address": "192.168.1.201", "command": "sleep 1d", "volumes": ["said-data:/data"]},
        "here": {
            "image": LOCAL,
            "ipv4_address": "192.168.1.202",
            "command": "sleep 1d",
            "pull_policy": "missing",
        },
    }
    looked.write(site)
    looked.up()
    looked.box.nas("docker exec app sh -c 'echo kept >/data/file'")
    looked.expect_no_changes()
    return looked


def imported(box: Box, version: int) -> None:
    """Another image under the same name, as somebody makes it on the NAS itself."""
    box.nas(
        f"docker rm -f source >/dev/null 2>&1; docker create --name source busybox >/dev/null"
        f" && docker export source | docker import -c 'ENV VERSION={version}' - {LOCAL} && docker rm source"
    )


def versions(box: Box) -> dict[str, str]:
    return {name: box.nas(f"{VERSION} {name}").strip() for name in ("app", "here")}


def identities(box: Box) -> Mapping[str, Any]:
    return {name: box.nas(f"docker inspect -f '{{{{.Id}}}}' {name}").strip() for name in ("app", "here")}


def say_so(up: Stack, when: str, check: bool = True) -> str:
    """The guide's one command."""
    done = up.up(check, "--config", f"{PULLED}={when}")
    return done.stdout + done.stderr


MAC = "docker exec app cat /sys/class/net/eth0/address"
PLACE = "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}' app"


def test_one_command_pulls_what_is_newer_and_leaves_the_rest(up: Stack, images: Images) -> None:
    box = up.box
    before, place = identities(box), box.nas(PLACE)
    images.publish(2)
    up.expect_no_changes()
    told = up.pulumi("preview", "--json", "--stack", "e2e", "--config", f"{PULLED}=2026-11-27").stdout
    steps = {step["urn"].rsplit("::", 1)[1]: step["op"] for step in json.loads(told)["steps"]}
    assert (steps[f"lan-{IMAGE}"], steps["lan-app-container"]) == ("replace", "replace")
    assert versions(box)["app"] == "VERSION=1", "a preview pulls nothing"
    say_so(up, "2026-11-27")
    assert versions(box) == {"app": "VERSION=2", "here": "VERSION=1"}
    assert identities(box)["here"] == before["here"], "its image is the same, so it runs on"
    assert box.nas(PLACE) == place and box.nas("docker exec app cat /data/file") == "kept\n"
    box.nas(f"for i in $(seq 20); do [ $({MAC}) = 02:42:c0:a8:01:c9 ] && exit; sleep 0.5; done; exit 1")
    assert box.ping("client", "192.168.1.201") == 0
    up.expect_no_changes()


def test_where_nothing_is_newer_no_container_is_made_anew(up: Stack) -> None:
    before = identities(up.box)
    say_so(up, "2026-11-28")
    assert identities(up.box) == before
    up.expect_no_changes()


def test_a_pull_that_fails_changes_nothing_and_its_remedy_leads_on(up: Stack, images: Images) -> None:
    before = identities(up.box)
    images.withdraw()
    said = say_so(up, "2026-11-29", check=False)
    assert "its containers stay as they are" in said and "pull_policy: missing" in said
    assert "manifest unknown" in said or "not found" in said, "Docker's own words"
    assert identities(up.box) == before
    site = up.written()
    site["containers"]["app"]["pull_policy"] = "missing"
    up.write(site)
    say_so(up, "2026-11-29")
    assert identities(up.box) == before
    up.expect_no_changes()


def test_an_image_that_was_brought_to_the_nas_by_hand_is_taken_when_the_person_says_so(up: Stack) -> None:
    imported(up.box, 2)
    up.expect_no_changes()
    say_so(up, "2026-11-30")
    assert versions(up.box)["here"] == "VERSION=2"
    up.expect_no_changes()


def test_or_by_a_refresh_whose_preview_names_just_what_changes(up: Stack) -> None:
    imported(up.box, 3)
    told = up.pulumi("preview", "--refresh", "--json", "--stack", "e2e").stdout
    changed = {step["urn"].rsplit("::", 1)[1] for step in json.loads(told)["steps"] if step["op"] == "replace"}
    assert changed == {"lan-here-container"}
    up.up(True, "--refresh")
    assert versions(up.box)["here"] == "VERSION=3"
    up.expect_no_changes()
