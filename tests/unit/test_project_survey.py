"""Which container of Compose is ours, what it keeps, and what of volumes and ports is nobody's matter."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from config.compose import ServiceEntry
from config.declared import DeclaredNetwork, DeclaredVolume, Origin
from config.service import Service
from config.sources import Sources
from facts.labels import ComposeLabels
from facts.nas import Attachment, Docker, LiveContainer, LiveNetwork, LiveRange, NasFacts
from facts.storage import LiveMount, LiveVolume
from plan.lan import ContainerPlan
from plan.project.declared import plan_inner_networks
from preflight.projects import networks, ports, volumes
from preflight.projects.take_over import TakeOver, take_over, without

NAMELESS = "5e" * 32
DATA = LiveMount("volume", "/data", "home_data")


def entry(named: bool = False, key: str = "db", **keys: Any) -> ServiceEntry:
    service = Service.model_validate({"image": "busybox", **keys})
    return ServiceEntry(
        f"a.yml: services.{key}",
        service,
        name=key,
        compose_project="home",
        compose_service=key,
        is_project_named=named,
    )


def made(name: str, *mounts: LiveMount, project: str = "home", service: str = "db", **more: Any) -> LiveContainer:
    compose = ComposeLabels(project, service)
    return LiveContainer(name, "running", {}, id=f"{name}-id", compose=compose, mounts=mounts, **more)


def taken(entries: list[ServiceEntry], *live: LiveContainer, plans: Any = None) -> TakeOver:
    facts = NasFacts(docker=Docker(engine="26.1.5"), containers={one.name: one for one in live})
    return take_over(Sources({one.name: one for one in entries}), plans or {}, facts)


def mount(source: str, target: str = "/data") -> dict[str, str]:
    return {"type": "volume", "source": source, "target": target}


def told(found: TakeOver, severity: str = "error") -> list[str]:
    return [one.message for one in found.problems if one.severity == severity]


def test_where_nobody_named_the_project_equal_labels_alone_are_not_enough() -> None:
    assert not taken([entry()], made("home-db-1", DATA)).replaced
    assert not taken([entry(volumes=[mount("other")])], made("home-db-1", DATA)).replaced
    assert taken([entry(volumes=[mount("home_data")])], made("home-db-1", DATA)).replaced
    assert taken([entry()], made("db", project="another")).replaced
    assert taken([entry(named=True)], made("home-db-1", DATA)).replaced
    assert not taken([entry(named=True)], made("db", project="another")).replaced


def test_a_service_of_the_site_itself_takes_nothing_over() -> None:
    own = replace(entry(), compose_service="", compose_project="")
    assert not taken([own], made("db", project="", service="")).replaced


def test_of_several_the_one_in_the_place_of_ours_makes_room() -> None:
    found = taken([entry(named=True)], made("a-db"), made("db"))
    assert found.replaced["db"].name == "db" and found.cleared == {"a-db", "db"}
    assert [message.split(",")[0] for message in told(found)] == [
        "is another container that Compose made of this service"
    ]
    place = {"lan": Attachment(asked_ipv4="192.168.1.9")}
    plan = ContainerPlan("db", "db", IPv4Address("192.168.1.9"), None, None, None, "x")
    stopped = replace(made("z-db"), networks=place, status="exited")
    found = taken([entry(named=True)], made("a-db"), stopped, plans={"db": [plan]})
    assert found.replaced["db"].name == "z-db"


def test_files_are_lost_only_where_nothing_is_mounted_or_a_volume_without_a_name() -> None:
    theirs = made("db", LiveMount("volume", "/cache", NAMELESS))
    assert len(told(taken([entry()], theirs))) == 1
    assert len(told(taken([entry(volumes=[mount("", "/cache/")])], theirs))) == 1
    kept: list[dict[str, Any]] = [
        {"tmpfs": ["/cache:size=1m"]},
        {"volumes": [mount("cache", "/cache")]},
        {"volumes": [mount(NAMELESS, "/cache")]},
        {"volumes": [{"type": "tmpfs", "target": "/cache"}]},
    ]
    for keys in kept:
        assert told(taken([entry(**keys)], theirs)) == [], keys


def test_what_another_container_lends_is_not_lost() -> None:
    lent = LiveMount("volume", "/cache", NAMELESS)
    own = [entry(volumes_from=["app"]), entry(key="app", volumes=[mount(NAMELESS, "/cache")])]
    found = taken(own, made("db", lent), made("app", lent, service="app"))
    assert told(found) == [] and {*found.replaced} == {"db", "app"}


def test_what_a_path_of_an_image_says_cannot_act_on_a_terminal() -> None:
    found = taken([entry()], made("db", LiveMount("volume", "/\x1b[31m\n", NAMELESS), LiveMount("bind", "/x", "/\x1b")))
    text = "".join(map(str, found.problems)).replace("\n", "")
    assert text.isprintable() and "\\x1b[31m\\n" in text


def test_without_them_nothing_of_theirs_is_left() -> None:
    live = replace(made("db"), networks={"lan": Attachment(ipv4="192.168.1.9", ipv6="fd00::9")})
    facts = NasFacts(containers={"db": live}, neighbours={IPv4Address("192.168.1.9"): None})  # type: ignore[dict-item]
    assert (without(facts, {"db"}).containers, without(facts, {"db"}).neighbours) == ({}, {})
    assert without(facts, set()) == facts


def of_networks(*live: LiveNetwork, **keys: Any) -> list[str]:
    declared = DeclaredNetwork.model_validate({"name": "home_new", **keys})
    sources = Sources(
        {"db": entry()},
        {"home_new": declared},
        origins={("networks", "home_new"): Origin("a.yml: networks.new", "new")},
    )
    facts = NasFacts(docker=Docker(engine="26.1.5"), networks=live)
    inner = plan_inner_networks(sources, {}, "me")
    return [one.message for one in networks.findings(sources, inner, [], facts)]


def test_a_subnet_is_taken_by_what_docker_compares_it_with() -> None:
    subnet = {"ipam": {"config": [{"subnet": "10.9.1.0/24"}]}}
    ranged = {"ipam": {"config": [{"subnet": "10.9.1.0/24", "ip_range": "10.9.1.0/28"}]}}
    bridge = LiveNetwork("1", "other", "bridge", {}, (LiveRange("10.9.0.0/16"),))
    assert len(of_networks(bridge, **subnet)) == len(of_networks(bridge, **ranged)) == 1
    macvlan = replace(bridge, driver="macvlan")
    assert len(of_networks(macvlan, **subnet)) == 1 and of_networks(macvlan, **ranged) == []
    for other in (replace(bridge, driver="overlay"), replace(bridge, ipam="null"), replace(bridge, ranges=())):
        assert of_networks(other, **subnet) == []
    assert of_networks(replace(bridge, ranges=(LiveRange("10.10.0.0/16"), LiveRange("odd"))), **subnet) == []
    assert of_networks(bridge) == []


def test_a_nas_whose_docker_does_not_answer_lacks_no_network() -> None:
    declared = DeclaredNetwork(name="proxy", external=True)
    origins = {("networks", "proxy"): Origin("a.yml: networks.proxy", "proxy")}
    sources = Sources({"db": entry()}, {"proxy": declared}, origins=origins)
    inner = plan_inner_networks(sources, {}, "me")
    answers = NasFacts(docker=Docker(engine="26.1.5"))
    assert [*networks.findings(sources, inner, [], NasFacts())] == []
    assert len([*networks.findings(sources, inner, [], answers)]) == 1


def of_volumes(declared: DeclaredVolume, *live: LiveVolume, named: bool = False, known: bool = True) -> list[str]:
    origins = {("volumes", declared.name): Origin("a.yml: volumes.data", "data", "home", named)}
    facts = NasFacts(volumes={one.name: one for one in live} if known else None)
    sources = Sources({"db": entry()}, volumes={declared.name: declared}, origins=origins)
    return [one.message for one in volumes.findings(sources, facts)]


def test_volumes_that_are_nobodys_matter() -> None:
    alike = LiveVolume("nas_data", "local", {}, {f"com.docker.compose.{key}": "data" for key in ("project", "volume")})
    plain = DeclaredVolume(name="home_data")
    assert len(of_volumes(plain, alike)) == 1
    assert of_volumes(plain, alike, named=True) == []
    assert of_volumes(plain, alike, known=False) == of_volumes(plain) == []
    assert of_volumes(DeclaredVolume(name="written"), alike) == []  # the name is a person's
    assert of_volumes(plain, LiveVolume("home_data", "rclone", {"type": "nfs"})) == []  # Docker takes it as it is
    nfs = DeclaredVolume(name="home_data", driver_opts={"type": "nfs"})
    assert of_volumes(nfs, alike) == []  # its files are elsewhere
    assert len(of_volumes(nfs, LiveVolume("home_data", "local"))) == 1
    assert of_volumes(nfs, LiveVolume("home_data", "local", {"type": "nfs"})) == []
    external = DeclaredVolume(name="home_data", external=True)
    assert len(of_volumes(external)) == 1 and of_volumes(external, LiveVolume("home_data", "rclone")) == []


def test_the_options_of_a_volume_are_named_and_not_shown() -> None:
    live = LiveVolume("home_data", "local", {"o": "password=hunter2"})
    (message,) = of_volumes(DeclaredVolume(name="home_data", driver_opts={"o": "password=hunter3"}), live)
    assert " o; " in message and "hunter" not in message


def of_ports(*opened: tuple[str, int, str], on_lan: bool = False, **port: Any) -> list[str]:
    facts = NasFacts(containers={"other": made("other", ports=opened)})
    sources = Sources({"db": entry(ports=[{"target": 80, "published": "80", **port}])})
    return [one.message for one in ports.findings(sources, {"db"} if on_lan else set(), facts)]


def test_a_port_is_in_use_for_its_protocol_and_where_the_addresses_meet() -> None:
    everywhere, here = ("0.0.0.0", 80, "tcp"), ("192.168.1.10", 80, "tcp")
    assert len(of_ports(everywhere)) == len(of_ports(here)) == len(of_ports(everywhere, host_ip="127.0.0.1")) == 1
    assert of_ports(everywhere, on_lan=True) == []
    assert of_ports(("0.0.0.0", 80, "udp")) == of_ports(("0.0.0.0", 81, "tcp")) == []
    assert of_ports(here, host_ip="127.0.0.1") == of_ports(("::", 80, "tcp"), host_ip="127.0.0.1") == []
    assert len(of_ports(("::", 80, "tcp"), host_ip="::1")) == 1
    assert of_ports(everywhere, published=None) == []
