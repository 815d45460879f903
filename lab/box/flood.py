"""Sends one router advertisement again and again: flood.py INTERFACE MILLISECONDS FILE. Ends by a signal.

The file has the packet in hexadecimal. A program of its own, because radvd sends every 30 ms at the most.
"""

import socket
import sys
import time
from pathlib import Path


def main(interface: str, milliseconds: int, packet: bytes) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as out:
        scope = socket.if_nametoindex(interface)
        out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
        while True:
            out.sendto(packet, ("ff02::1", 0, 0, scope))
            time.sleep(milliseconds / 1000)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), bytes.fromhex(Path(sys.argv[3]).read_text()))
