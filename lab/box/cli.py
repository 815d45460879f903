"""The commands of `lab/lab`."""

import argparse
import shutil
import sys
import time
from ipaddress import IPv6Network
from pathlib import Path

from box import announce, cgroups, cleanup, containers, disk, image, keys, nas, network, prerequisites, spec
from box.engines import COMPOSE, DEFAULT_PROFILE, DSM_UNITS, ENGINES, PROFILES
from box.enter import MACHINES, find_sbin, require_root
from box.errors import LabError
from box.locks import locked
from box.place import Place, here
from box.processes import say
from box.spec import Spec
from box.status import table


def main(arguments: list[str]) -> int:
    """Exit code; an error is told on stderr, never as a traceback."""
    find_sbin()
    try:
        return _dispatch(here(), arguments)
    except LabError as error:
        print(f"lab: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: stopped half way\n  -> lab/lab up goes on, lab/lab down takes it away", file=sys.stderr)
        return 130


def _dispatch(place: Place, arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    require_root()
    if options.command == "_power":
        return nas.supply_power(place)
    actions = {
        "up": lambda: _up(place, spec.requested(options)),
        "prepare": lambda: _prepare(place, options),
        "down": lambda: _down(place),
        "status": lambda: _status(place),
        "reboot": lambda: _reboot(place),
        "power-off": lambda: _power_off(place),
        "power-on": lambda: _power_on(place),
        "upgrade-dsm": lambda: _upgrade(place, options.docker_unit, options.wipe_usr_local),
        "ra": lambda: _ra(place, options),
        "reach": lambda: _reach(place, options),
    }
    return actions[options.command]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab/lab",
        description="A NAS in a box: router, LAN, NAS, client and internet host in network namespaces.",
        epilog="LAB_INSTANCE=name: a second lab beside the first. LAB_CACHE=folder: where images are kept.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    engines = ", ".join(f"{profile.engine} for {profile.name}" for profile in PROFILES.values())
    for name, text in (("up", "everything to a NAS that answers"), ("prepare", "makes the images only")):
        up = commands.add_parser(name, help=text)
        up.add_argument("--engine", choices=ENGINES, help=f"Docker (default: {engines})")
        up.add_argument("--profile", choices=PROFILES, default=DEFAULT_PROFILE)
        up.add_argument("--compose", choices=COMPOSE, help="with `docker compose`; 2.26 is Debian's, 2.40 is built")
        if name == "up":
            _add_spec(up)
    commands.add_parser("down", help="takes everything away; keys and images stay")
    commands.add_parser("status", help="how it stands; exit code 0 when all is well")
    commands.add_parser("exec", help=f"exec {'|'.join(MACHINES)} -- CMD...: runs a command there")
    commands.add_parser("reboot", help="reboots the NAS; returns when it answers again")
    commands.add_parser("power-off", help="shuts the NAS down; its disk stays")
    commands.add_parser("power-on", help="boots it again")
    upgrade = commands.add_parser("upgrade-dsm", help="takes from the disk what an upgrade of DSM takes, and boots")
    upgrade.add_argument("--docker-unit", choices=DSM_UNITS, help="the upgrade renames Docker's unit")
    upgrade.add_argument("--wipe-usr-local", action="store_true", help="what was added to /usr/local goes too")
    commands.add_parser("_power").add_argument("machine")
    ra = commands.add_parser("ra", help="what the router announces; without options: the lab's default")
    ra.add_argument("--prefix", type=IPv6Network, action="append", metavar="P", help="announce this /64 (repeatable)")
    ra.add_argument("--withdraw", type=IPv6Network, action="append", default=[], metavar="P", help="with lifetime 0")
    ra.add_argument("--ula", type=IPv6Network, metavar="P", help="announce this /64 too; the router takes its ::1")
    ra.add_argument("--interval", type=int, default=10, metavar="S", help="seconds between two RAs, at most (4-1800)")
    ra.add_argument("--lifetime", type=int, default=600, metavar="S", help="valid lifetime; half of it preferred")
    ra.add_argument("--no-slaac", action="store_true", help="hosts may make no address of the prefixes (A=0)")
    ra.add_argument("--managed", action="store_true", help="hosts are sent to DHCPv6 (M=1); nobody answers there")
    ra.add_argument("--ms", type=int, metavar="N", help="an RA each N ms besides (1-1000), until the next `ra`")
    ra.add_argument(
        "--second",
        type=IPv6Network,
        action="append",
        default=[],
        metavar="P",
        help="a border router announces this /64, too, with router lifetime 0 (repeatable); gone at the next `ra`",
    )
    switch = ra.add_mutually_exclusive_group()
    switch.add_argument("--off", action="store_true", help="the router says good-bye and announces no more")
    switch.add_argument("--on", action="store_true", help="announce again")
    reach = commands.add_parser("reach", help="pings between all; containers as JSON on stdin or as arguments")
    reach.add_argument("container", nargs="*", metavar="name=ipv4,ula")
    reach.add_argument("--shim", default="192.168.1.254,fd0d:7eb5:2afd::254", metavar="ipv4,ula")
    return parser


def _add_spec(up: argparse.ArgumentParser) -> None:
    up.add_argument("--parent", metavar="NAME", help="the NAS's interface (default: eth0; ovs_eth0 for dsm)")
    up.add_argument("--second-lan", action="store_true", help="another LAN, 192.168.20.0/24, and the NAS's eth1 in it")
    up.add_argument("--late-parent", type=int, default=0, metavar="S", help="it comes S s after Docker's unit is up")
    dsm = up.add_argument_group("profile dsm")
    dsm.add_argument("--docker-unit", choices=DSM_UNITS, help=f"Docker's unit (default: {DSM_UNITS[0]})")
    dsm.add_argument("--sudo", choices=("nopasswd", "password"), help="group administrators (default: nopasswd)")
    dsm.add_argument("--synowebapi", action="store_true", help="with a stand-in of /usr/syno/bin/synowebapi")


def _prepare(place: Place, options: argparse.Namespace) -> int:
    engine = options.engine or PROFILES[options.profile].engine
    image.layers(place, ENGINES[engine], options.profile, options.compose or "")
    say(f"the image for engine {engine} is ready in {place.images}")
    return 0


def _up(place: Place, asked: Spec) -> int:
    started = time.monotonic()
    with locked(place.base / ".lock", "starting the lab"):
        same = spec.kept(place) == asked
        version = _repair(place) if same else ""
        if version:
            containers.load(place, _layers(place, asked)[0] / asked.dressed.busybox)
            say(f"up: engine {version}, all is well")
            return 0
        if same:
            say("up, but not well: starting it again, the NAS keeps its disk")
        prerequisites.require_programs(build=False)
        prerequisites.require_kernel()
        layers = _layers(place, asked)
        cleanup.processes_and_namespaces(place)
        keys.make(place)
        disk.prepare(place, layers, asked)
        shutil.rmtree(place.run, ignore_errors=True)
        place.run.mkdir(parents=True)
        spec.keep(place, asked)
        network.make(place)
        if asked.second_lan:
            network.make_second_lan(place)
        announce.announce(place, announce.Announcement())
        network.connect_client(place)
        nas.power_on(place)
        say(f"the NAS boots (engine {asked.engine}) ...")
        version, _ = nas.wait(place)
        _settle(place)
        containers.load(place, layers[0] / asked.dressed.busybox)
    say(f"up: engine {version}, in {time.monotonic() - started:.1f} s")
    return 0


def _layers(place: Place, asked: Spec) -> list[Path]:
    return image.layers(place, ENGINES[asked.engine], asked.profile, asked.compose)


def _repair(place: Place) -> str:
    """The engine's version of a lab that is well, or is again when router or NAS are switched on; "" of another."""
    if network.missing(place)[:1] not in ([], ["nas"]):
        return ""
    if not announce.running(place):
        say("the router announces again")
        announce.announce(place, announce.Announcement())
    if not nas.powered(place):
        if nas.leader(place) or cgroups.pids(place):
            return ""  # it runs still, but nobody would boot it again
        say("the NAS was off, it boots ...")
        nas.power_on(place)
        nas.wait(place)
        _settle(place)
    return nas.answers(place)


def _settle(place: Place) -> None:
    asked = spec.kept(place)
    if asked and announce.running(place) and not network.settled(place, asked.parent):
        say("NAS and client took no global IPv6 address yet; lab/lab ra announces the lab's default again")


def _require_up(place: Place) -> Spec:
    asked = spec.kept(place)
    if asked is None or network.missing(place)[:1] not in ([], ["nas"]):
        raise LabError(f"lab {place.id} is not up", "lab/lab up")
    return asked


def _down(place: Place) -> int:
    started = time.monotonic()
    with locked(place.base / ".lock", "taking the lab down"):
        cleanup.processes_and_namespaces(place)
        cgroups.remove(place)
        for folder in (place.run, place.disk):
            shutil.rmtree(folder, ignore_errors=True)
    say(f"down, in {time.monotonic() - started:.1f} s")
    return 0


def _status(place: Place) -> int:
    text, well = table(place, spec.kept(place))
    print(text)
    return 0 if well else 1


def _reboot(place: Place) -> int:
    _require_up(place)
    version, seconds = nas.reboot(place)
    _settle(place)
    say(f"rebooted: engine {version} answers after {seconds:.1f} s")
    return 0


def _power_off(place: Place) -> int:
    _require_up(place)
    nas.power_off(place)
    say("the NAS is off")
    return 0


def _power_on(place: Place) -> int:
    _require_up(place)
    if not nas.powered(place):
        nas.power_on(place)
    version, seconds = nas.wait(place)
    _settle(place)
    say(f"the NAS is on: engine {version} answers after {seconds:.1f} s")
    return 0


def _upgrade(place: Place, unit: str | None, wipe_usr_local: bool) -> int:
    asked = _require_up(place)
    if asked.profile != "dsm":
        raise LabError(f"a NAS of profile {asked.profile} has no DSM to upgrade", "lab/lab up --profile dsm")
    with locked(place.base / ".lock", "upgrading DSM"):
        nas.power_off(place)
        disk.upgrade(place, _layers(place, asked), asked, unit or disk.docker_unit(place), wipe_usr_local)
        nas.power_on(place)
        version, seconds = nas.wait(place)
        _settle(place)
    say(f"upgraded: engine {version} ({disk.docker_unit(place)}) answers after {seconds:.1f} s")
    return 0


def _ra(place: Place, options: argparse.Namespace) -> int:
    _require_up(place)
    prefixes = options.prefix or ([] if options.withdraw else [IPv6Network(network.PREFIX)])
    wanted = (*prefixes, *([options.ula] if options.ula else []))
    wrong = [prefix for prefix in (*wanted, *options.withdraw, *options.second) if prefix.prefixlen != 64]
    out_of_range = not 4 <= options.interval <= 1800 or options.lifetime < 0 or not 1 <= (options.ms or 1) <= 1000
    if wrong or out_of_range:
        raise LabError(
            f"no router can announce {wrong[0]}" if wrong else "--interval, --lifetime or --ms is out of range",
            "prefixes are /64 (SLAAC), the interval 4 to 1800 s, the lifetime 0 s or more, --ms 1 to 1000",
        )
    announce.announce_beside(place, tuple(options.second))
    beside = f"; a border router: {', '.join(map(str, options.second))}" if options.second else ""
    if options.off:
        announce.silence(place)
        say(f"the router announces nothing{beside}")
        return 0
    what = announce.Announcement(
        wanted,
        tuple(options.withdraw),
        options.interval,
        options.lifetime,
        slaac=not options.no_slaac,
        managed=options.managed,
    )
    announce.announce(place, what)
    if options.ms:
        announce.flood(place, what, options.ms)
    gone = f"; withdrawn: {', '.join(map(str, options.withdraw))}" if options.withdraw else ""
    flags = f"{', A=0' if options.no_slaac else ''}{', M=1' if options.managed else ''}"
    often = f", each {options.ms} ms" if options.ms else ""
    say(f"the router announces {', '.join(map(str, wanted)) or 'no prefix'}{flags}{often}{gone}{beside}")
    return 0


def _reach(place: Place, options: argparse.Namespace) -> int:
    from box import reach

    _require_up(place)
    return reach.main(place, options.container, options.shim)
