"""TCP connections between machines of the lab that go on while something is done to the NAS, and what they noticed.

Both ends are in this process: a socket stays in the network namespace in which it was made. So the boxes need no
program for it, and all is measured by one clock.
"""

import ctypes
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lab.drive import Box

MACHINES = ("nas", "client", "router", "internet")
EVERY = 0.02  # seconds between two numbers of one end
NUMBER = struct.Struct("!Q")
RETRANSMITTED = 100  # offset of tcpi_total_retrans in struct tcp_info (linux/tcp.h)
CLONE_NEWNET = 0x40000000
T = TypeVar("T")


@dataclass
class End:
    """One direction: what this end has sent, and what it has heard of the other one's numbers."""

    socket: socket.socket
    sent: int = 0
    heard: int = 0
    pending: bytes = b""
    last: float = 0
    gap: float = 0

    def send(self) -> None:
        self.socket.sendall(NUMBER.pack(self.sent))
        self.sent += 1

    def hear(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the other end closed the connection")
        now = time.monotonic()
        self.gap, self.last, self.pending = max(self.gap, now - self.last), now, self.pending + data
        while len(self.pending) >= NUMBER.size:
            (number,) = NUMBER.unpack(self.pending[: NUMBER.size])
            assert number == self.heard, f"number {number} came instead of {self.heard}"
            self.heard, self.pending = self.heard + 1, self.pending[NUMBER.size :]

    def retransmitted(self) -> int:
        told = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RETRANSMITTED + 4)
        return struct.unpack_from("I", told, RETRANSMITTED)[0]


class Stream:
    """A connection whose ends send each other numbers. cut: why it ended, "" while it goes on."""

    def __init__(self, from_: str, to: str, port: int, address: str) -> None:
        """from_, to: network namespaces, as paths. address: of the end that listens, in ``to``."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = _in_namespace(to, lambda: socket.create_server((address, port), family=family))
        server.settimeout(10)
        with server:
            caller = _in_namespace(from_, lambda: socket.create_connection((address, port), timeout=10))
            answerer, _ = server.accept()
        self.ends = [End(caller), End(answerer)]
        self.cut = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        for end in self.ends:
            end.socket.settimeout(10)
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.last = time.monotonic()
        self._thread.start()

    def _go_on(self) -> None:
        by_socket = {end.socket: end for end in self.ends}
        due, asked_to_end = time.monotonic(), 0.0
        try:
            while True:
                if self._over.is_set() and not asked_to_end:
                    asked_to_end = time.monotonic()
                if asked_to_end and (self._all_heard() or time.monotonic() > asked_to_end + 10):
                    return
                now = time.monotonic()
                if now >= due and not asked_to_end:
                    due = now + EVERY
                    for end in self.ends:
                        end.send()
                for ready in select.select(list(by_socket), [], [], EVERY)[0]:
                    by_socket[ready].hear()
        except (OSError, AssertionError) as error:
            self.cut = str(error) or type(error).__name__

    def _all_heard(self) -> bool:
        one, other = self.ends
        return (one.heard, other.heard) == (other.sent, one.sent)

    def end(self) -> "Told":
        """Waits up to 10 s for what is under way."""
        self._over.set()
        self._thread.join()
        now, (one, other) = time.monotonic(), self.ends
        missing = one.sent - other.heard + other.sent - one.heard
        # A connection that is silent at the end has no longest gap yet
        gap = max(max(end.gap, now - end.last if missing else 0) for end in self.ends)
        again = sum(end.retransmitted() for end in self.ends)
        for end in self.ends:
            end.socket.close()
        return Told(one.sent + other.sent, missing, gap, again, self.cut)


@dataclass(frozen=True)
class Told:
    """gap: the longest time in seconds in which one end heard nothing; again: segments that TCP had to send twice."""

    sent: int
    missing: int
    gap: float
    again: int
    cut: str

    def __str__(self) -> str:
        cut = f", CUT: {self.cut}" if self.cut else ""
        return f"{self.sent} sent, {self.missing} missing, {self.again} sent again, gap {self.gap:.2f} s{cut}"


@contextmanager
def streaming(box: Box, ends: Mapping[str, tuple[str, str, str]]) -> Iterator[dict[str, Told]]:
    """Connections meanwhile, by label: (from, to, address of to). The dict that it gives is filled at the end.

    From and to are machines of the lab or containers on the NAS.
    """
    told: dict[str, Told] = {}
    with ExitStack() as ended:
        for number, (label, (from_, to, address)) in enumerate(ends.items()):
            stream = Stream(namespace(box, from_), namespace(box, to), 7100 + number, address)
            ended.callback(lambda of=stream, label=label: told.update({label: of.end()}))
        yield told
    for label, one in told.items():
        print(f"engine {box.engine}, stream {label}: {one}")


def disturbed(told: Mapping[str, Told], gap: float = 1, again: int = 0) -> dict[str, str]:
    """Those that had to send more than ``again`` segments twice, that heard nothing for longer than ``gap`` seconds,
    or that were cut; {} is what one wants."""

    def is_well(one: Told) -> bool:
        return one.sent > 10 and not one.cut and not one.missing and one.again <= again and one.gap <= gap

    return {label: str(one) for label, one in told.items() if not is_well(one)}


def namespace(box: Box, place: str) -> str:
    """The network namespace of a machine of the lab, or of a container on the NAS, as a path on this machine."""
    if place in MACHINES:
        return f"/run/netns/mv6-{box.lab_id()}-{place}"
    container = box.nas("docker inspect -f '{{.Id}}' " + place).strip()
    found = [process for process in Path("/proc").glob("[0-9]*") if container in _cgroups(process)]
    assert found, f"no process of container {place} is to be seen from outside the NAS"
    return f"{found[0]}/ns/net"


def _cgroups(process: Path) -> str:
    try:
        return (process / "cgroup").read_text()
    except OSError:
        return ""


def _in_namespace(path: str, make: Callable[[], T]) -> T:
    """By a thread that ends then: a network namespace is each thread's own."""
    made: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {path}")
            finally:
                os.close(descriptor)
            made.append(make())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
