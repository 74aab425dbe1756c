"""Show what memory training steps hold, beside what their backward pass needs. Steps are compiled, not run.

    python -m bench.memory [--settings S1 S2 S3 S4] [--cells lstm gru rnn ln-lstm] [--unrollings scan fused]

Needed are the gates and the state of each layer, and the logits, for every character. The settings are those of
bench.train.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import jax

from bench.rounds import print_table, show_progress
from bench.settings import add_setting_flags, chosen_settings, make_parser
from charloop.benchmark.results import ResultsFile
from charloop.benchmark.training_step import StepSetting, TrainingStep, select_unrollings
from charloop.devices import choose_devices, use_all_cores
from charloop.engines import partition_cell
from charloop.errors import CharloopError
from charloop.model import CharLM

FLOAT_BYTES = 4


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one step, all devices together."""

    unrolling: str
    needed: int
    """What no backward pass can do without, see `needed_bytes`."""
    working: int
    """The most that the compiled step holds at a time beside what goes in and out of it."""
    state: int
    """Weights, moments, carried state and text: what goes in, and comes out in its place."""

    @property
    def ratio(self) -> float:
        """What is held over what is needed: at least 1."""
        return self.working / self.needed


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each setting and cell."""
    parser = make_parser("memory", __doc__)
    add_setting_flags(parser)
    parser.add_argument("--unrollings", nargs="+", default=("scan", "fused"), help="static takes minutes")
    flags = parser.parse_args(arguments)
    use_all_cores()
    settings, results = [*chosen_settings(flags)], []
    chosen = [select_unrollings(setting, flags.unrollings) for _, setting in settings]
    file = ResultsFile(flags.output, "memory")
    print(file.machine_line)
    for (name, setting), unrollings in zip(settings, chosen, strict=True):
        show_progress("compiling ...")
        memories = [measure_memory(setting, unrolling) for unrolling in unrollings]
        show_progress()
        print(f"\n{name}: {setting}")
        rows = [
            (
                memory.unrolling,
                f"{memory.needed / 1e6:,.1f} MB",
                f"{memory.working / 1e6:,.1f} MB",
                f"{memory.ratio:.2f}x",
                f"{memory.state / 1e6:,.1f} MB",
            )
            for memory in memories
        ]
        print_table(("needed", "held", "held/needed", "weights, moments"), rows)
        entries = [asdict(memory) | {"ratio": memory.ratio} for memory in memories]
        results.append({"name": name, "setting": asdict(setting), "rows": entries})
        file.save(results=results)
    print(f"\nall figures: {file.path}")


def measure_memory(setting: StepSetting, unrolling: str) -> StepMemory:
    """Compile the step that training would run, and read what memory XLA reserved for it.

    Raises CharloopError if the platform does not report it.
    """
    devices = choose_devices(setting.batch_size)
    report = TrainingStep(setting, unrolling).compiled.memory_analysis()
    if report is None:
        raise CharloopError(
            "this platform does not report what memory a program reserves", got=jax.default_backend()
        )
    working, state = report.temp_size_in_bytes, report.argument_size_in_bytes
    return StepMemory(unrolling, needed_bytes(setting), devices * working, devices * state)


def needed_bytes(setting: StepSetting) -> int:
    """Return the bytes of the residuals: for each character a layer's products, its state, and the logits.

    From these the backward pass makes all else without making a product of the forward pass again. A product that is
    only added to a product of the input is kept as their sum. Outputs are counted as part of the state that they are.
    """
    model = CharLM.build(setting.model, setting.vocab_size)
    parts = partition_cell(model.cell)
    alone = (s for s, merged in zip(parts.sources, parts.is_merged, strict=True) if s and not merged)
    kept = [parts.shapes[product.result].size for product in (*parts.products, *alone)]
    layer = sum(kept) + sum(leaf.size for leaf in jax.tree.leaves(model.cell.initial_state(1)))
    floats = setting.characters * (setting.model.num_layers * layer + setting.vocab_size)
    return FLOAT_BYTES * int(floats)


if __name__ == "__main__":
    main()
