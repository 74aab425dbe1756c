"""The part of wandb that a logger uses: it records what it receives."""

from types import SimpleNamespace
from typing import Any


class FakeRun:
    """What `wandb.init` returns. Like wandb, it accepts no step below the last."""

    url = "https://wandb.example/charloop/1"

    def __init__(self, history: dict[int, dict[str, Any]], mode: str) -> None:
        self.history, self.finished, self.settings = history, 0, SimpleNamespace(mode=mode)
        self.begun = max(history, default=0)

    def log(self, row: dict[str, Any], step: int) -> None:
        if step >= self.begun:
            self.history.setdefault(step, {}).update(row)
            self.begun = step

    def finish(self) -> None:
        self.finished += 1


class FakeWandb:
    """The module. Runs of the same id are the same."""

    def __init__(self, *, mode: str = "online", key: bool = True) -> None:
        self.mode, self.key = mode, key
        self.histories: dict[str, dict[int, dict[str, Any]]] = {}
        self.inits: list[dict[str, Any]] = []
        self.runs: list[FakeRun] = []
        self.Settings, self.Html = SimpleNamespace, str

    def setup(self, settings: Any) -> Any:
        return SimpleNamespace(settings=SimpleNamespace(mode=self.mode, **vars(settings)))

    def login(self, *, prompt: bool, verify: bool) -> bool:
        assert not prompt
        assert not verify
        return self.key

    def init(self, **options: Any) -> FakeRun:
        self.inits.append(options)
        self.runs.append(FakeRun(self.histories.setdefault(options["id"], {}), self.mode))
        return self.runs[-1]
