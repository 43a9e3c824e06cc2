"""A real server on this machine that behaves well or badly, and a machine without network."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class LocalServer:
    """Serves `files`, by path; what the path begins with says how.

    /whole/..: as it is; /truncated/..: the second half missing, the length as announced;
    /altered/..: one bit changed; /hanging/..: no answer until the server closes.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        self.url = ""

    def body(self, path: str) -> tuple[int, bytes]:
        """Announced length and content that is really sent."""
        self.asked.append(path)
        _, manner, name = path.split("/", 2)
        if manner == "hanging":
            self.closing.wait(20)
        content = self.files[name]
        if manner == "truncated":
            return len(content), content[: len(content) // 2]
        if manner == "altered":
            middle = len(content) // 2
            changed = bytes([content[middle] ^ 1])
            content = content[:middle] + changed + content[middle + 1 :]
        return len(content), content


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """A running LocalServer."""
    served = LocalServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                length, content = served.body(self.path)
            except KeyError:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> str:
    """Address at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def place_npm(monkeypatch, folder: Path, script: str | None) -> None:
    """Let `npm` be a shell script with these lines, or not be found if there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    if script is not None:
        npm = folder / "npm"
        npm.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        npm.chmod(0o755)
    monkeypatch.setenv("PATH", os.fspath(folder))
