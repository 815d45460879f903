"""The files that will stand on the NAS, and the bundle that carries them there in one SSH session."""

from collections.abc import Mapping
from dataclasses import dataclass

from install.conf import Repair, digest_of, render_conf
from install.layout import InstallPlan
from install.profiles import RC_D, SYSTEMD, SYSTEMD_STANDALONE, TASK
from plan.lan import LanPlan

PROGRAM, INSTALLER, WRAPPER = "setup_docker_macvlan.sh", "install.sh", "docker.sh"
HOOKS = {
    SYSTEMD: "setup_docker_macvlan.service",
    SYSTEMD_STANDALONE: "setup_docker_macvlan.network.service",
    RC_D: "macvlan.rc.sh",
}
SOURCES = (PROGRAM, INSTALLER, WRAPPER, *HOOKS.values())  # the static files under nas/ that a bundle is made of
COMMAND = AS_ROOT, UNPACK = "as_root.sh", "unpack.sh"  # … and of which the command that takes it there
LOOK = PROBE, TRY_PASSWORD = "probe.sh", "try_password.sh"  # … and a probe of the NAS (probe/gather.py)
_KINDS = {SYSTEMD: "systemd", SYSTEMD_STANDALONE: "systemd", RC_D: "rc.d", TASK: "task"}  # install.sh's words


@dataclass(frozen=True)
class HostFiles:
    """path → text of the files that stand on the NAS after `pulumi up`, and the two texts that bring them there. Each
    text ends with a newline."""

    install: InstallPlan
    texts: Mapping[str, str]
    installer: str
    settings: str


def host_files(
    plan: LanPlan,
    install: InstallPlan,
    sources: Mapping[str, str],
    repair: Repair | None = None,
    stack: str = "",
) -> HostFiles:
    """The files of a plan. sources: name → text of the static files under nas/ (``SOURCES``); repair: why they are
    written, if the site alone does not explain it (install/conf.py); stack: whose they are, as
    organization/project/stack."""
    texts = {install.script_path: sources[PROGRAM]}
    if install.hook_file:
        texts[install.hook_file] = _filled_in(sources[HOOKS[install.boot_hook]], install)
    if install.wrapper:
        texts[install.wrapper] = _filled_in(sources[WRAPPER], install)
    sums = {path: digest_of(text) for path, text in texts.items()}
    texts[install.config_path] = render_conf(plan, install, sums, repair, stack)
    return HostFiles(install, texts, sources[INSTALLER], _settings(plan, install, repair))


def _settings(plan: LanPlan, install: InstallPlan, repair: Repair | None) -> str:
    """What install.sh goes by."""
    settings = {
        "program": install.script_path,
        "conf": install.config_path,
        "hook": _KINDS[install.boot_hook],
        "hook_file": install.hook_file,
        "wanted_by": install.wanted_by,
        "task": install.task,
        "docker_folder": install.docker_folder,
        "network": plan.network.name,
        "on_destroy": install.on_destroy,
        "foreign_network": "" if repair is None else repair.network_to_remove,
    }
    replaced = () if repair is None else repair.replaced
    lines = [*settings.items(), *(("replaced_container", container_id) for container_id in replaced)]
    return "".join(f"{key} {value}\n" for key, value in lines if value)


def _filled_in(template: str, install: InstallPlan) -> str:
    text = template
    for placeholder, value in (
        ("@PROGRAM@", install.script_path),
        ("@CONF@", install.config_path),
        ("@DOCKER_UNIT@", install.docker_unit),
        ("@DOCKER@", install.docker),
    ):
        text = text.replace(placeholder, value)
    return text


def bundle(files: HostFiles) -> str:
    """The text that goes to the NAS on stdin (read by nas/unpack.sh).

    `> NAME` starts a file, `|text` is a line of it, `end` proves that nothing was cut off.
    """
    install = files.install
    names = {
        install.script_path: "program",
        install.config_path: "conf",
        install.hook_file: "hook",
        install.wrapper: "docker",
    }
    manifest = "".join(f"{mode} {path} {names[path]}\n" for path, mode in install.files.items())
    parts = {INSTALLER: files.installer, "manifest": manifest, "settings": files.settings}
    # The program comes last, because it is the longest and a preview shows the files in this order
    for path in sorted(files.texts, key=lambda path: path == install.script_path):
        parts[names[path]] = files.texts[path]
    lines: list[str] = []
    for name, text in parts.items():
        lines.append(f"> {name}")
        lines += [f"|{line}" for line in text.removesuffix("\n").split("\n")]
    return "\n".join([*lines, "end"]) + "\n"
