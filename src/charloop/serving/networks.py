"""The networks of a server, by name: each is loaded when it is first asked for."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from charloop.checkpoint import RunFolder
from charloop.errors import CharloopError
from charloop.serving.worker import Worker
from charloop.trained import load_trained_model


@dataclass(frozen=True)
class Served:
    """A network that a server has, loaded or not."""

    name: str
    path: Path
    created: int
    """When its run was made, in seconds since 1970."""


class Networks:
    """Opens the networks of runs, and keeps at most `max_loaded` of them in memory, those that were used last.

    One that is working is never closed. `weights` and `cell` are those of `charloop.load`.
    """

    def __init__(
        self,
        runs: Iterable[str],
        *,
        lanes: int = 64,
        max_loaded: int = 4,
        weights: str = "best",
        cell: str | None = None,
    ) -> None:
        self.served = {served.name: served for served in name_runs(runs, cell)}
        self._lanes, self._most, self._weights, self._cell = lanes, max_loaded, weights, cell
        self._loaded: OrderedDict[str, Worker] = OrderedDict()
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> Worker:
        """Return the worker of a network, which is loaded if it is not yet.

        Raises KeyError for an unknown name, and CharloopError if its run cannot be read (any more).
        """
        served = self.served[name]
        while name not in self._loaded:
            await self._add(served)
        self._loaded.move_to_end(name)
        return self._loaded[name]

    async def _add(self, served: Served) -> None:
        """Load a network, one at a time, unless that has happened meanwhile."""
        async with self._lock:
            if served.name not in self._loaded:
                # A run that is gone must not cost one that works.
                run = await asyncio.to_thread(RunFolder.open, served.path, cell=self._cell)
                self._close_idle()
                self._loaded[served.name] = await asyncio.to_thread(self._load, run)

    @property
    def loaded(self) -> dict[str, Worker]:
        """The workers of the networks in memory."""
        return dict(self._loaded)

    def close(self) -> None:
        """End all workers."""
        for worker in self._loaded.values():
            worker.close()

    def _load(self, run: RunFolder) -> Worker:
        network = load_trained_model(run, weights=self._weights)
        worker = Worker(network, self._lanes)
        worker.start()
        return worker

    def _close_idle(self) -> None:
        """Close those that were used longest ago, and do nothing now, until one more may be loaded."""
        for name, worker in list(self._loaded.items()):
            if len(self._loaded) >= self._most and not any(worker.load):
                del self._loaded[name]
                worker.close()


def name_runs(runs: Iterable[str], cell: str | None) -> Iterator[Served]:
    """Yield the runs with their names: NAME=FOLDER has that name, FOLDER the name of the folder.

    Raises CharloopError for a folder that is no run, and for two runs of one name.
    """
    seen = dict[str, Path]()
    for run in runs:
        given, _, folder = run.rpartition("=")
        path = Path(folder) if given and not Path(run).exists() else Path(run)
        name = given if path != Path(run) else path.resolve().name
        if name in seen:
            raise CharloopError(
                f"{seen[name]} and {path} have one name", got=name, do=f"name one: other={path}"
            )
        seen[name] = path
        folder_time = int(RunFolder.open(path, cell=cell).path.stat().st_mtime)
        yield Served(name, path, folder_time)
