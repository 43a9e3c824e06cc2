"""A server on this machine that misbehaves in the way its path begins with."""

import gzip
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

OK = b"HTTP/1.1 200 OK\r\n"
HTML = b"<!doctype html><title>Please log in</title>"
# Silence after which a client of the faults gives up, in seconds; more than an honest server needs
# on a machine that does much else.
PATIENCE = 2


class BadServer(socketserver.ThreadingTCPServer):
    """Serves `files` by the last part of the path.

    Attributes:
        closing: set when it ends, so that no answer that hangs holds it up.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        _, manner, name = path.split("/", 2)
        with suppress(OSError):  # the client may well have left
            MANNERS[manner](self, self.server.files[name])

    def send(self, content: bytes, length: int | None = None) -> None:
        announced = len(content) if length is None else length
        self.wfile.write(OK + f"Content-Length: {announced}\r\n\r\n".encode() + content)

    def status(self, line: str, *headers: str) -> None:
        text = "\r\n".join([f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(HTML)}", "", ""])
        self.wfile.write(text.encode() + HTML)

    def endless(self, content: bytes) -> None:
        self.wfile.write(OK + b"\r\n")
        while not self.server.closing.is_set():
            self.wfile.write(content[:1] * 2**20)

    def drip(self, content: bytes, head: bytes = OK + b"\r\n") -> None:
        """A byte at a time, none so late that a client would give up waiting for it."""
        self.wfile.write(head)
        while not self.server.closing.wait(PATIENCE / 20):
            self.wfile.write(content[:1])

    def stall(self, content: bytes) -> None:
        self.send(content[: len(content) // 2], len(content))
        self.wfile.flush()
        self.server.closing.wait(20)

    def reset(self, content: bytes) -> None:
        self.send(content[: len(content) // 2], len(content))
        # Closed with a reset instead of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def cut_chunk(self, content: bytes) -> None:
        self.wfile.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        self.wfile.write(f"{len(content):x}\r\n".encode() + content[: len(content) // 2])


def _altered(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


Manner = Callable[[_Handler, bytes], None]
WHOLE: Manner = lambda handler, content: handler.send(content)  # noqa: E731
MANNERS: dict[str, Manner] = {
    "whole": WHOLE,
    "cut": lambda handler, content: handler.send(content[: len(content) // 2], len(content)),
    "reset": _Handler.reset,
    "cut-chunk": _Handler.cut_chunk,
    "stall": _Handler.stall,
    "silent": lambda handler, content: handler.server.closing.wait(20),
    "altered": lambda handler, content: handler.send(_altered(content)),
    "too-long": lambda handler, content: handler.send(content + b"more"),
    "length-too-short": lambda handler, content: handler.send(content, len(content) // 2),
    "length-no-number": lambda handler, content: handler.wfile.write(
        OK + b"Content-Length: many\r\n\r\n" + content
    ),
    "empty": lambda handler, content: handler.send(b""),
    "html": lambda handler, content: handler.send(HTML),
    "bomb": lambda handler, content: handler.send(bomb()),
    "endless": _Handler.endless,
    "drip": _Handler.drip,
    "drip-head": lambda handler, content: handler.drip(b"x", OK + b"X-Name: "),
    "no-http": lambda handler, content: handler.wfile.write(b"\x15\x03\x01\x00\x02"),
    "nothing": lambda handler, content: None,
    "403": lambda handler, content: handler.status("403 Forbidden"),
    "404": lambda handler, content: handler.status("404 Not Found"),
    "429": lambda handler, content: handler.status("429 Too Many Requests"),
    "500": lambda handler, content: handler.status("500 Internal Server Error"),
    "503": lambda handler, content: handler.status("503 Service Unavailable"),
    "loop": lambda handler, content: handler.status("302 Found", "Location: /loop/x"),
    "to-a-file": lambda handler, content: handler.status("302 Found", "Location: file:///etc/x"),
    "to-nowhere": lambda handler, content: handler.status("302 Found", "Location: http://[bad/"),
}
HONEST = "whole"


@cache
def bomb() -> bytes:
    """A gzip file of a few megabytes that holds 4 GiB of zeros."""
    part = gzip.compress(bytes(2**24), 1)  # members one after the other are one file
    return part * 256


@contextmanager
def bad_server(files: dict[str, bytes]) -> Iterator[BadServer]:
    """A running BadServer; `x` is always there, for redirections."""
    with BadServer({"x": b"", **files}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
