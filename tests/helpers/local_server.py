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
# Seconds of silence after which a client of the faults gives up: more than an honest server needs
# on a busy machine.
PATIENCE = 2


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

    def status(self, line: str, *headers: str) -> None:
        text = "\r\n".join([f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(HTML)}", "", ""])
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

    def cut_chunk(self, content: bytes) -> None:
        self.wfile.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        self.wfile.write(f"{len(content):x}\r\n".encode() + content[: len(content) // 2])


HONEST = "whole"
MANNERS: dict[str, Callable[[_Handler, bytes], None]] = {
    HONEST: _Handler.send,
    "truncated": _Handler.half,
    "reset": _Handler.reset,
    "cut-chunk": _Handler.cut_chunk,
    "stall": _Handler.stall,
    "hanging": _Handler.hanging,
    "altered": _Handler.altered,
    "too-long": lambda handler, content: handler.send(content + b"more"),
    "length-too-short": lambda handler, content: handler.send(content, len(content) // 2),
    "length-no-number": lambda handler, content: handler.wfile.write(
        OK + b"Content-Length: many\r\n\r\n" + content
    ),
    "empty": lambda handler, content: handler.send(b""),
    "html": lambda handler, content: handler.send(HTML),
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


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """A running LocalServer."""
    with LocalServer() as server:
        server.files["x"] = b""  # where redirections lead
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
