"""Domain types, each defined once. A type refuses a wrong value and says what to write instead."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainValidator, StringConstraints

from config.problems import reject

NONE: Literal["none"] = "none"  # written where an address could stand
# Who gives containers their IPv6 addresses
DOCKER: Literal["docker"] = "docker"
LOOP: Literal["loop"] = "loop"
OFF: Literal["off"] = "off"
ULA_RANGE = IPv6Network("fd00::/8")  # RFC 4193 section 3.1: fc00::/7 with the L bit set
GLOBAL_RANGE = IPv6Network("2000::/3")  # what IANA gives out as global unicast addresses (RFC 4291 section 2.4)
MAX_INTERFACE = 15  # IFNAMSIZ - 1, linux/if.h


def _text(value: Any, what: str) -> str:
    if isinstance(value, bool):
        reject(f"is a YAML boolean where {what} is expected", 'put the value in quotes: "..."')
    if isinstance(value, (int, float)):
        reject(
            f"is a YAML number where {what} is expected: unquoted, a:b:c can mean base 60 and a leading 0 octal",
            'put the value in quotes: "..."',
        )
    if not isinstance(value, str):
        reject(f"is not text where {what} is expected", f"write {what} there")
    return value.strip()


def _ipv4(value: Any) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    text = _text(value, "an IPv4 address")
    try:
        return IPv4Address(text)
    except ValueError:
        pass
    if _is_ipv6(text):
        reject("is an IPv6 address where an IPv4 address is expected", "swap the two families' values")
    if "/" in text:
        reject("has a prefix length where a single IPv4 address is expected", f"write {text.split('/')[0]}")
    if re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", text) and all(int(part) < 256 for part in text.split(".")):
        clean = ".".join(str(int(part)) for part in text.split("."))
        reject("has a leading zero, which some tools read as octal", f"write {clean}")
    reject("is not an IPv4 address", "write four numbers from 0 to 255, as in 192.168.1.201")


def _ipv6(value: Any) -> IPv6Address:
    if isinstance(value, IPv6Address):
        return value
    text = _text(value, "an IPv6 address")
    try:
        address = IPv6Address(text)
    except ValueError:
        address = None
    if address is not None:
        if address.scope_id:
            reject("has a zone (%...) where a plain IPv6 address is expected", f"write {text.split('%')[0]}")
        return address
    if _is_ipv4(text):
        reject("is an IPv4 address where an IPv6 address is expected", "swap the two families' values")
    if "/" in text:
        reject("has a prefix length where a single IPv6 address is expected", f"write {text.split('/')[0]}")
    reject("is not an IPv6 address", "write it as in fd0d:7eb5:2afd::201")


def _ipv4_network(value: Any) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    text = _text(value, "an IPv4 subnet")
    if "/" not in text:
        reject("has no prefix length", f"write it as in {text}/24" if _is_ipv4(text) else "write 192.168.1.0/24")
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        reject("is not an IPv4 subnet", "write it as in 192.168.1.0/24")
    if isinstance(network, IPv6Network):
        reject("is an IPv6 prefix where an IPv4 subnet is expected", "swap the two families' values")
    reject("is one address in a network, not the network itself", f"write {network}")


def _ula_prefix(value: Any) -> IPv6Network:
    if isinstance(value, IPv6Network):
        return value
    text = _text(value, "an IPv6 prefix")
    make_one = "make one with `make ula STACK=<your stack>`, or write it as in fd0d:7eb5:2afd::/64"
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        reject("is not an IPv6 prefix", make_one)
    if isinstance(network, IPv4Network):
        reject("is an IPv4 subnet where an IPv6 prefix is expected", "swap the two families' values")
    if not network.subnet_of(ULA_RANGE):
        reject("is outside fd00::/8, so it is not yours to number (RFC 4193)", make_one)
    if network.prefixlen != 64:
        reject("is not a /64, and SLAAC works with a /64 only (RFC 4862)", f"write {network.network_address}/64")
    if str(network.network_address) != str(IPv6Address(text.split("/")[0])):
        reject("is one address in a network, not the network itself", f"write {network}")
    return network


def _static_prefix(value: Any) -> IPv6Network:
    if isinstance(value, IPv6Network):
        return value
    text = _text(value, "an IPv6 prefix")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        reject("is not an IPv6 prefix", "write the global /64 of this LAN; your router shows it")
    if isinstance(network, IPv4Network) or network.prefixlen != 64:
        reject("is not the /64 of a LAN", "write the /64 that your router advertises in this LAN")
    if not network.subnet_of(GLOBAL_RANGE):
        reject("is no global prefix", "write a private one as `ula.prefix:`")
    return network


def _ipv6_mode(value: Any) -> Literal["docker", "loop", "off"]:
    if value is False:  # YAML's off
        return "off"
    if value in (DOCKER, LOOP, OFF):
        return value
    reject("is not a way to IPv6", "write docker, loop or off")


def _mac(value: Any) -> str:
    text = _text(value, "a MAC address").lower().replace("-", ":")
    if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", text):
        reject("is not a MAC address", 'write six pairs of hex digits in quotes, as in "02:42:c0:a8:01:c9"')
    if int(text[:2], 16) & 1:
        reject("is a multicast MAC address (lowest bit of the first pair is 1)", "start it with 02")
    if text == "00:00:00:00:00:00":
        reject("is the zero MAC address", "leave the key out: 02:42:<ipv4 address> is taken then")
    return text


def _installation_name(value: Any) -> str:
    text = _text(value, "a name")
    if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,39})?", text):
        reject(
            "cannot be a part of file names on the NAS",
            "use up to 40 letters, digits, '_', '.' and '-', the first one a letter or a digit",
        )
    return text


def _routing_table(value: Any) -> Literal["auto"] | int:
    if value == "auto":
        return "auto"
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
        value = int(value)
    if type(value) is not int:
        reject("is not the number of a routing table", "write auto, or a number from 1 to 252")
    if not 1 <= value <= 252:
        message = "is out of range: 0 and 253 to 255 are the kernel's own tables, and higher numbers are not used here"
        reject(message, "write a number from 1 to 252")
    return value


def _interface(value: Any) -> str:
    text = _text(value, "an interface name")
    if len(text) > MAX_INTERFACE:
        reject(f"has {len(text)} characters; Linux takes at most {MAX_INTERFACE}", f"shorten it, as in {text[:15]}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text) or text in ("all", "default", "lo"):
        reject("is not an interface name", "use letters, digits, '_', '.' and '-', as in eth0 or ovs_eth0")
    return text


def is_docker_name(text: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}", text) is not None


def as_service(mode: str) -> str:
    """The service whose namespace `service:KEY` means, "" for another word."""
    return mode.removeprefix("service:") if mode.startswith("service:") else ""


def _docker_name(value: Any) -> str:
    text = _text(value, "a name")
    if not is_docker_name(text):
        reject(
            "is not a name that Docker takes",
            "use two or more letters, digits, '_', '.' and '-', the first one a letter or a digit",
        )
    return text


def _volume_name(value: Any) -> str:
    if not isinstance(value, str) or not is_docker_name(value):
        remedy = "use two or more letters, digits, '_', '.' and '-', the first one a letter or a digit"
        reject("is not a name that a volume can have in Docker", remedy)
    return value


def _path_on_nas(value: Any) -> str:
    text = _text(value, "a path on the NAS")
    if not re.fullmatch(r"(/[A-Za-z0-9_.@-]+)+", text) or {"..", "."} & set(text.split("/")):
        reject("is not an absolute path of plain characters", "write it as in /usr/local/bin/setup_docker_macvlan.sh")
    return text


def _folder_on_nas(value: Any) -> str:
    text = _text(value, "a folder on the NAS")
    if not text.startswith("/") or not text.isprintable() or ":" in text or ".." in text.split("/"):
        reject("is not the full path of a folder", "write it as in /volume1/docker/pihole")
    return text.rstrip("/") or "/"


def _unit(value: Any) -> str:
    text = _text(value, "a systemd unit name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9:_.@-]*\.service", text):
        reject("is not the name of a systemd service", "write it with its ending, as in docker.service")
    return text


def _unit_path(value: Any) -> str:
    path = _path_on_nas(value)
    if not path.endswith(".service"):
        reject(
            "is not the path of a systemd service", "write it as in /etc/systemd/system/setup_docker_macvlan.service"
        )
    return path


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        reject("is a YAML boolean where a number is expected", "write digits only")
    return value


def _ssh_host(value: Any) -> str:
    text = _text(value, "the NAS's address or name")
    if "@" in text or "//" in text:
        reject(
            "is more than an address or a name", "write the host alone; `nas.user` and `nas.port` are keys of their own"
        )
    if not re.fullmatch(r"[A-Za-z0-9:][A-Za-z0-9._:-]*", text):
        reject("is not an address or a name of a computer", "write it as in 192.168.1.10 or nas.home.arpa")
    return text


def _ssh_user(value: Any) -> str:
    text = _text(value, "a user name")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", text):
        reject("is not a user name", "write it as in root")
    return text


def _image(value: Any) -> str:
    text = _text(value, "an image name")
    name = text.split("@")[0].rpartition("/")[2].split(":")[0]
    if name != name.lower():
        reject("has capitals in its name, and Docker takes none there", f"write {text.replace(name, name.lower())}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", text):
        reject("is not the name of an image", "write it as in lscr.io/linuxserver/qbittorrent:latest")
    return text


def _address(value: Any) -> IPv4Address | IPv6Address:
    if isinstance(value, (IPv4Address, IPv6Address)):
        return value
    text = _text(value, "an address")
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        reject("is neither an IPv4 nor an IPv6 address", "write it as in 192.168.1.1 or 2606:4700:4700::1111")


def _ula_gateway(value: Any) -> Literal["auto", "none"] | IPv6Address:
    if value == "auto":
        return "auto"
    if value == "none":
        return "none"
    if isinstance(value, str) and re.fullmatch(r"[a-z]*", value.strip()):
        reject("is not a kind of gateway", "write auto, none, or the router's own address in ula.prefix")
    return _ipv6(value)


def _nas_address(value: Any) -> Literal["none"] | IPv4Address:
    if value == NONE:
        return NONE
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]*", value.strip()):
        reject(
            "is neither an address nor none", "write the NAS's own address in lan.subnet, or none if it has none there"
        )
    return _ipv4(value)


def _pool(value: Any) -> tuple[IPv4Address, IPv4Address]:
    text = _text(value, "a range of addresses")
    first, _, last = (part.strip() for part in text.partition("-"))
    try:
        low, high = IPv4Address(first), IPv4Address(last)
    except ValueError:
        reject("is not a range of IPv4 addresses", "write first and last one, as in 192.168.1.100-192.168.1.199")
    if high < low:
        reject("ends before it begins", f"write {high}-{low}")
    return low, high


def _switch(value: Any) -> bool:
    """YAML's on and off arrive as text or as a boolean, depending on the parser's version. Both are accepted."""
    known = {"on": True, "off": False, "true": True, "false": False, True: True, False: False}
    if isinstance(value, (str, bool)) and value in known:
        return known[value]
    reject("is neither on nor off", "write on or off")


def _is_ipv4(text: str) -> bool:
    return isinstance(_any_address(text), IPv4Address)


def _is_ipv6(text: str) -> bool:
    return isinstance(_any_address(text), IPv6Address)


def _any_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(text.split("/")[0])
    except ValueError:
        return None


IPv4 = Annotated[IPv4Address, BeforeValidator(_ipv4)]
IPv6 = Annotated[IPv6Address, BeforeValidator(_ipv6)]
Subnet = Annotated[IPv4Network, BeforeValidator(_ipv4_network)]
UlaPrefix = Annotated[IPv6Network, BeforeValidator(_ula_prefix)]
StaticPrefix = Annotated[IPv6Network, BeforeValidator(_static_prefix)]
Ipv6Mode = Annotated[Literal["docker", "loop", "off"], PlainValidator(_ipv6_mode)]
Pool = Annotated[tuple[IPv4Address, IPv4Address], PlainValidator(_pool)]
OnOff = Annotated[bool, PlainValidator(_switch)]
Mac = Annotated[str, BeforeValidator(_mac)]
InterfaceName = Annotated[str, BeforeValidator(_interface)]
InstallationName = Annotated[str, BeforeValidator(_installation_name)]
RoutingTable = Annotated[Literal["auto"] | int, PlainValidator(_routing_table)]
DockerName = Annotated[str, BeforeValidator(_docker_name)]
VolumeName = Annotated[str, BeforeValidator(_volume_name)]
UnitPath = Annotated[str, BeforeValidator(_unit_path)]
SshHost = Annotated[str, BeforeValidator(_ssh_host)]
SshUser = Annotated[str, BeforeValidator(_ssh_user)]
Image = Annotated[str, BeforeValidator(_image)]
Integer = Annotated[int, BeforeValidator(_integer)]
AUTO = "auto"
FolderOnNas = Annotated[str, BeforeValidator(_folder_on_nas)]
AutoPath = Annotated[str, BeforeValidator(lambda value: value if value == AUTO else _path_on_nas(value))]
AutoUnit = Annotated[str, BeforeValidator(lambda value: value if value == AUTO else _unit(value))]
Address = Annotated[IPv4Address | IPv6Address, PlainValidator(_address)]  # Plain: a union's errors name its branches
NasAddress = Annotated[Literal["none"] | IPv4Address, PlainValidator(_nas_address)]
UlaGateway = Annotated[Literal["auto", "none"] | IPv6Address, PlainValidator(_ula_gateway)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
