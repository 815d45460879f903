"""SSH keys of the lab: the client's, the NAS's own, and the known_hosts line that ties them. Kept by `down`."""

from pathlib import Path

from box.network import NAS
from box.place import Place
from box.processes import run

KINDS = ("ed25519", "ecdsa", "rsa")


def make(place: Place) -> None:
    """Makes what is missing; a key that is there stays, so that what people wrote down stays true."""
    client, hosts = place.ssh, place.ssh / "nas"
    hosts.mkdir(parents=True, exist_ok=True)
    client.chmod(0o700)
    _key(client / "id_ed25519", "ed25519", f"lab {place.id}")
    for kind in KINDS:
        _key(host_key(place, kind), kind, "nas")
    lines = [host_key(place, kind).with_suffix(".pub").read_text().split()[:2] for kind in KINDS]
    wanted = "".join(f"{NAS} {name} {key}\n" for name, key in lines)
    known = client / "known_hosts"
    if not known.exists() or known.read_text() != wanted:
        known.write_text(wanted)


def host_key(place: Place, kind: str) -> Path:
    return place.ssh / "nas" / f"ssh_host_{kind}_key"


def ssh(place: Place, *command: str, user: str = "root", timeout: int = 10) -> list[str]:
    """The command line that runs a command on the NAS as someone who has nothing but these files would."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(timeout),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(place.ssh / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", *flags, "-i", str(place.ssh / "id_ed25519"), f"{user}@{NAS}", *command]


def _key(path: Path, kind: str, comment: str) -> None:
    if not path.exists() or not path.with_suffix(".pub").exists():
        path.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", path)
    path.chmod(0o600)
