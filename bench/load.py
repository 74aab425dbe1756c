"""How fast `charloop serve` writes for many clients on this machine, over loopback.

    python -m bench.load RUN [--clients 1 32 64] [--length 2000]

For each number of clients, all stream a text at once; the time to the first characters is that of further requests
that come while these write. Beside it stand what `charloop sample --num-samples` writes in one process, and the same
texts asked for one after the other, as from a server that handles one request at a time. Clients and server share the
processor.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.settings import positive

MOST = 100_000
"""The most tokens that the server writes for one request."""
PROBES = 100
"""Further requests while others write."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a server, load it, and print a line for each number of clients."""
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--clients", type=positive, nargs="+", default=[1, 32, 64])
    parser.add_argument("--length", type=positive, default=2000)
    flags = parser.parse_args(arguments)
    command = [sys.executable, "-m", "charloop", "serve", f"network={flags.run}", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://([\d.]+):(\d+)", server.stdout.readline())
        assert found, "the server did not start"
        try:
            measure(Clients(found[1], int(found[2])), server.pid, flags.clients, flags.length)
        finally:
            server.terminate()
    print_samples(flags.run, flags.clients, flags.length)


def measure(clients: "Clients", process: int, counts: Sequence[int], length: int) -> None:
    """Print what each number of clients gets."""
    asyncio.run(clients.together(1, 10))
    print(f"idle process: {resident(process) / 2**20:.0f} MiB")
    for count in counts:
        speeds = [count * length / asyncio.run(clients.together(count, length)) for _ in range(3)]
        print(f"{count:3} clients together: {max(speeds):9,.0f} characters/s")
        first = sorted(asyncio.run(clients.probe(count, MOST)))
        p99 = first[int(len(first) * 0.99)]
        print(
            f"    first characters: {statistics.median(first) * 1e3:.0f} ms (median), {p99 * 1e3:.0f} ms (p99)"
        )
    many = counts[-1]
    print(
        f"{many:3} texts one by one: {many * length / asyncio.run(clients.in_turn(many, length)):9,.0f} characters/s"
    )


def print_samples(run: str, counts: Sequence[int], length: int) -> None:
    """Print the speed of `charloop sample` for as many texts: `network.sample` in a process that is warm."""
    program = f"""
import time
from charloop.cli.preparation import prepare_jax
prepare_jax()
from charloop import load
network = load({run!r})
for count in {list(counts)}:
    network.sample(length=2, num_samples=count)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        network.sample(length={length}, num_samples=count)
        times.append(time.perf_counter() - start)
    print(f"{{count:3}} samples in one process: {{count * {length} / min(times):9,.0f}} characters/s")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def resident(process: int) -> int:
    """Return the memory of a process, in bytes."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))


class Clients:
    """Clients that do as little as they can: they share the processor with the server."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def together(self, count: int, length: int) -> float:
        """Return the seconds until `count` streams have ended."""
        start = time.perf_counter()
        await asyncio.gather(*(self.stream(seed, length) for seed in range(count)))
        return time.perf_counter() - start

    async def in_turn(self, count: int, length: int) -> float:
        """Return the seconds for as many streams, one after the other."""
        start = time.perf_counter()
        for seed in range(count):
            await self.stream(seed, length)
        return time.perf_counter() - start

    async def probe(self, busy: int, length: int) -> list[float]:
        """Return the seconds to the first characters of `PROBES` requests while `busy` - 1 streams go on."""
        others = [asyncio.create_task(self.stream(seed, length)) for seed in range(busy - 1)]
        await asyncio.sleep(0.5)
        found = [await self.stream(seed, 20) for seed in range(PROBES)]
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return found

    async def stream(self, seed: int, length: int) -> float:
        """Read one stream to its end; return the seconds to its first characters."""
        body = {"model": "network", "max_tokens": length, "seed": seed, "stream": True}
        data = json.dumps(body).encode()
        start, first = time.perf_counter(), 0.0
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        while part := await reader.read(1 << 16):
            if not first and b"data: " in part:
                first = time.perf_counter() - start
        writer.close()
        return first


if __name__ == "__main__":
    main()
