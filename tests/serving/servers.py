"""Real processes of `charloop serve`."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai


@dataclass
class Process:
    """A server, and where it is."""

    process: "subprocess.Popen[str]"
    address: str
    folder: Path
    clients: dict[str, openai.OpenAI] = field(default_factory=dict)

    def client(self, key: str = "none") -> openai.OpenAI:
        """Return a client, which is closed with the process."""
        if key not in self.clients:
            self.clients[key] = openai.OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0)
        return self.clients[key]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that uses the server."""
        return os.environ | {"SERVER": self.address}

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path) as answer:
            text: str = answer.read().decode()
            return text

    def post(self, path: str, body: bytes | dict[str, Any]) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address + path, data)) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@contextmanager
def start(folder: Path, *arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "charloop", "serve", *arguments, "--port", "0"]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    printed = process.stdout.readline()
    found = re.search(r"http://\S+", printed)
    assert found, (printed, (folder / "log.txt").read_text())
    server = Process(process, found[0], folder)
    try:
        yield server
    finally:
        for client in server.clients.values():
            client.close()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()
