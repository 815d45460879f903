"""How a plugin serves its gRPC methods to the engine: the part of the plugin protocol that all of them share."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent import futures

import grpc

THREADS = 64  # every operation under way holds one while it waits for the NAS
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def serve(register: Callable[[grpc.Server], None]) -> None:
    """Prints the port on stdout, as the plugin protocol wants, and returns on a signal or when the engine is gone."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS), options=UNLIMITED)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    engine = os.getppid()
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(1) and os.getppid() == engine:
        pass
    server.stop(grace=None)
