"""Setups that people made by hand before: files at our paths, and scripts and links that do the same work."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from install.conf import read_conf
from install.layout import InstallPlan
from install.scripts import KEPT
from preflight import unraid
from preflight.others.installations import Others
from preflight.parents.lan_links import ipv4_of


def findings(site: Site, install: InstallPlan, facts: NasFacts, others: Others) -> Iterator[Problem]:
    paths = tuple(install.files)
    record = read_conf(facts.conf)
    # Of the last run, for another hook or at other paths too, and of other installations
    ours = (*(() if record is None else record.sums), *others.paths)
    if read_conf(facts.confs.get(install.config_path)) is None:
        for path in paths:
            if path in facts.files and path not in (*facts.backups, *ours):
                message = f"is on the NAS already, made by hand; it is kept as {path}{KEPT} and replaced"
                after = "brings it back" if install.on_destroy == "restore" else "leaves that copy there"
                remedy = f"nothing to do; `pulumi destroy` {after} (install.on_destroy: {install.on_destroy})"
                yield Problem("site.install", path, message, remedy, "warning", "shim")
    for path in facts.leftovers:
        if path not in (*paths, *ours) and not path.endswith(KEPT):
            message = "mentions macvlan: if it makes a shim too, two of them compete for the way to the containers"
            yield Problem(
                "site.shim", path, message, f"look into it, and remove it if it does: {path}", "warning", "shim"
            )
    shims = (site.shim.name, "" if record is None else record.shim, *others.shims)
    named = facts.links.get(site.shim.name)
    if named is not None and named.kind != "macvlan":
        message = "is another interface of the NAS, which `pulumi up` does not touch: the shim could not be made"
        yield Problem("site.shim.name", named.name, message, "write a name that no interface has")
    for link in facts.links.values():
        if link.lower != site.lan.parent or link.name in shims:
            continue
        if unraid.makes_link(install, link.name):
            if ipv4_of(link):  # switched off, it stays without an address until the next boot
                message = "is Unraid's own way from the NAS to containers; its routes compete with the shim's"
                remedy = f"{unraid.HOST_ACCESS}: the shim does that work"
                yield Problem("site.shim.name", link.name, message, remedy, "warning", "shim")
        elif link.kind == "macvlan":
            message = f"is another macvlan link of the NAS on {site.lan.parent}; its routes compete with the shim's"
            remedy = (
                f"`ip link del {link.name}` there, and remove what makes it; or take it over: `shim.name: {link.name}`"
            )
            yield Problem("site.shim.name", link.name, message, remedy, "warning", "shim")
