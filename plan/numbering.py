"""How one address or number follows from another."""

import zlib
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

GLOBAL_ID_BYTES = 5  # 40 bits
ROUTING_TABLE = 109  # of an installation without a name
NAMED_TABLES = range(110, 210)


def mac_of(address: IPv4Address) -> str:
    """02:42 and the address's four bytes, which is Docker's default up to 27 (docs/upstream-facts.md#docker-mac)."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x42, *address.packed))


def ula_of(address: IPv4Address, subnet: IPv4Network, prefix: IPv6Network) -> IPv6Address:
    """The ULA with the same number as the IPv4 address: 192.168.1.201 in a /24 becomes <prefix>::201, and 10.0.3.7 in a
    /16 becomes <prefix>::3:7. The decimal digits are taken as hexadecimal ones, so that a person sees the same
    number in both families."""
    host = int(address) & int(subnet.hostmask)
    octets = host.to_bytes(4, "big")[subnet.prefixlen // 8 :]
    suffix = 0
    for octet in octets:
        suffix = suffix << 16 | int(str(octet), 16)
    return prefix.network_address + suffix


def eui64(mac: str) -> int:
    """The interface identifier of a MAC: the universal bit is flipped and ff:fe inserted in the middle (RFC 4291
    appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return int.from_bytes(bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:], "big")


def link_local(mac: str) -> IPv6Address:
    """The link-local address that follows from a MAC (RFC 4291 section 2.5.6)."""
    return IPv6Address(int(IPv6Address("fe80::")) | eui64(mac))


def ula_prefix(global_id: bytes) -> IPv6Network:
    """The site's first /64: fd00::/8, the 40-bit global ID, and subnet ID 0. global_id: 5 random bytes."""
    if len(global_id) != GLOBAL_ID_BYTES:
        raise ValueError(f"a global ID has {GLOBAL_ID_BYTES} bytes, not {len(global_id)}")
    return IPv6Network((b"\xfd" + global_id + bytes(10), 64))


def routing_table_of(installation: str) -> int:
    """The routing table of the installation of that name on the NAS. It depends on no other installation, so that
    adding one moves none."""
    if not installation:
        return ROUTING_TABLE
    return NAMED_TABLES[zlib.crc32(installation.encode()) % len(NAMED_TABLES)]
