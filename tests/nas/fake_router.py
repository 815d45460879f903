"""Routers on the LAN that answer a solicitation with whatever a test has them say."""

import json
import socket
import struct
import sys
import time
from ipaddress import IPv6Address
from pathlib import Path

from tests.nas.box import ROOT, Box, until

ALL_NODES, ALL_NODES_MAC, OWN_MAC = IPv6Address("ff02::1"), bytes.fromhex("333300000001"), bytes.fromhex("020000000101")
IPV6, VLAN, ICMPV6, SOLICITATION, ADVERTISEMENT = 0x86DD, 0x8100, 58, 133, 134
ROUTER, SECOND = "fe80::1", "fe80::2"
ONLINK, AUTO, MANAGED, OTHER = 0x80, 0x40, 0x80, 0x40


def prefix(network: str, flags: int = ONLINK | AUTO, valid: int = 600, preferred: int = 300) -> bytes:
    """The option of a prefix (RFC 4861, 4.6.2). Its length may be one that no prefix has."""
    address, _, length = network.partition("/")
    return struct.pack("!BBBBIIxxxx", 3, 4, int(length), flags, valid, preferred) + IPv6Address(address).packed


def checksum(words: bytes) -> int:
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advertisement(*options: bytes, lifetime: int = 1800, flags: int = 0, of: str = ROUTER, hops: int = 255) -> bytes:
    """The IPv6 packet."""
    payload = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, flags, lifetime, 0, 0) + b"".join(options)
    ends = IPv6Address(of).packed + ALL_NODES.packed
    summed = checksum(ends + struct.pack("!II", len(payload), ICMPV6) + payload + bytes(len(payload) % 2))
    payload = payload[:2] + struct.pack("!H", summed) + payload[4:]
    return struct.pack("!IHBB", 0x60000000, len(payload), ICMPV6, hops) + ends + payload


def answer(link: str, file: str) -> None:
    """Answers each solicitation with the packets that the file has, until it is killed."""
    told = json.loads(Path(file).read_text())
    tag = b"" if told["vlan"] is None else struct.pack("!HH", VLAN, told["vlan"])
    head = ALL_NODES_MAC + OWN_MAC + tag + struct.pack("!H", IPV6)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as line:
        line.bind((link, IPV6))
        print("listens", flush=True)
        while True:
            question = line.recv(2048)[14:]
            if len(question) >= 48 and question[6] == ICMPV6 and question[40] == SOLICITATION:
                print(question.hex(), flush=True)
                time.sleep(told["delay"])
                for packet in told["packets"]:
                    line.send(head + bytes.fromhex(packet))


def put_routers(box: Box, *packets: bytes, delay: float = 0, vlan: int | None = None) -> None:
    """At the other end of the NAS's cable. delay: seconds until they answer; vlan: the number of a VLAN on it."""
    file = box.here / "routers.json"
    file.write_text(json.dumps({"packets": [packet.hex() for packet in packets], "delay": delay, "vlan": vlan}))
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.nas.fake_router import answer"
    box.popen(sys.executable, "-c", f"{code}; answer('wire', {str(file)!r})", space=box.lan)
    until("the routers listen", lambda: "listens\n" in box.log())


def questions(box: Box) -> list[bytes]:
    """The solicitations that the routers got."""
    return [bytes.fromhex(line) for line in box.log().split() if line != "listens"]
