"""charloop's own training step, for `serve.py`."""

from importlib.metadata import version
from typing import Any


class Steps:
    """The step that `charloop train` compiles, with the default unrolling."""

    def __init__(self, setting: dict[str, Any], precision: str) -> None:
        import msgspec

        from charloop.benchmark.unrolling import Program, Setting
        from charloop.config import ModelConfig, TrainingConfig

        sizes = {name: setting.pop(name) for name in ("batch_size", "seq_length", "vocab_size")}
        whole = Setting(msgspec.convert(setting, ModelConfig), **sizes, precision=precision)
        self.calls = TrainingConfig().steps_per_call
        self.program = Program(whole, whole.model.unroll, self.calls)

    def __call__(self) -> None:
        """One step, in a call of its own."""
        self.program.step()

    def together(self, count: int) -> None:
        """Several a call, as training makes them."""
        for done in range(0, count, self.calls):
            self.program.step(min(self.calls, count - done))


def build(setting: dict[str, Any], precision: str = "float32") -> tuple[Steps, dict[str, str]]:
    """Raises NotImplementedError where products in `precision` cannot be made."""
    from charloop.devices import use_all_cores

    use_all_cores()
    from charloop.cells import CELLS, make_cell
    from charloop.unroll import reason_against_precision

    reason = reason_against_precision(precision, "fused", make_cell(CELLS, setting["cell"], 1))
    if reason:
        raise NotImplementedError(reason)
    return Steps(setting, precision), {name: version(name) for name in ("charloop", "jax")}
