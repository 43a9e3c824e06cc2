"""A server on this machine that answers well or badly, and a machine without network."""

import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
HTML = b"<!doctype html><title>Please log in</title>"
# Seconds of silence after which a client of the faults gives up. An honest server needs far less,
# on a busy machine too.
PATIENCE = 8


class LocalServer(socketserver.ThreadingTCPServer):
    """Serves `files` by name. A path is /MANNER/NAME; `MANNERS` has the manners.

    Attributes:
        asked: paths, in the order in which they were asked for.
        closing: set when the server ends, so that an answer that hangs ends too.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(path)
        _, manner, name = path.split("/", 2)
        with suppress(OSError):  # the client may have left
            if name in self.server.files:
                MANNERS[manner](self, self.server.files[name])
            else:
                self.status("404 Not Found")

    def send(self, content: bytes, length: int | None = None) -> None:
        announced = len(content) if length is None else length
        self.wfile.write(OK + f"Content-Length: {announced}\r\n\r\n".encode() + content)

    def half(self, content: bytes) -> None:
        self.send(content[: len(content) // 2], len(content))

    def status(self, line: str) -> None:
        text = f"HTTP/1.1 {line}\r\nContent-Length: {len(HTML)}\r\n\r\n"
        self.wfile.write(text.encode() + HTML)

    def altered(self, content: bytes) -> None:
        middle = len(content) // 2
        self.send(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])

    def hanging(self, content: bytes) -> None:
        self.server.closing.wait()

    def stall(self, content: bytes) -> None:
        self.half(content)
        self.wfile.flush()
        self.server.closing.wait()

    def reset(self, content: bytes) -> None:
        """Close with a reset instead of an end."""
        self.half(content)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


HONEST = "whole"
MANNERS: dict[str, Callable[[_Handler, bytes], None]] = {
    HONEST: _Handler.send,
    "truncated": _Handler.half,
    "reset": _Handler.reset,
    "stall": _Handler.stall,
    "hanging": _Handler.hanging,
    "altered": _Handler.altered,
    "empty": lambda handler, content: handler.send(b""),
    "html": lambda handler, content: handler.send(HTML),
    "403": lambda handler, content: handler.status("403 Forbidden"),
    "404": lambda handler, content: handler.status("404 Not Found"),
    "503": lambda handler, content: handler.status("503 Service Unavailable"),
}


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """A running LocalServer."""
    with LocalServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def closed_port() -> str:
    """Address at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def write_npm(folder: Path, script: str | None) -> None:
    """Let the folder's `npm` be a shell script with these lines, or have none."""
    folder.mkdir(parents=True, exist_ok=True)
    if script is not None:
        npm = folder / "npm"
        npm.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        npm.chmod(0o755)


def place_npm(monkeypatch, folder: Path, script: str | None) -> None:
    """Let only the folder's `npm` be found."""
    write_npm(folder, script)
    monkeypatch.setenv("PATH", os.fspath(folder))
