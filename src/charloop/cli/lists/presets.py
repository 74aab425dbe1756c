"""charloop presets: settings that go well together."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.flags.parsing import parse

INDENT = 8
SHOWN = {
    "data": ("batch_size", "seq_length"),
    "model": (
        "num_layers",
        "hidden_size",
        "embed_size",
        "dropout_input",
        "dropout_between",
        "dropout_output",
        "dropout_kind",
    ),
    "training": ("learning_rate", "warmup_steps", "weight_decay", "weight_dropout", "minutes"),
}
"""Settings in which presets differ."""


@dataclass(frozen=True)
class PresetsFlags:
    """List the presets: sets of settings for charloop train TEXT --preset NAME."""


def main(arguments: Sequence[str]) -> None:
    """Print the presets, what each sets, and the losses that were measured with it."""
    parse(PresetsFlags, "presets", arguments)

    from charloop.auto.rule import RULE
    from charloop.configfile import to_dict
    from charloop.presets import AUTO, PRESETS
    from charloop.wording import entry

    print("Other settings have the defaults that charloop train --help shows.")
    print("\n" + entry(AUTO, f"the default: {RULE.purpose}", INDENT))
    for name, preset in PRESETS.items():
        print("\n" + entry(name, preset.purpose, INDENT))
        for section, values in to_dict(preset.config).items():
            shown = {key: values[key] for key in SHOWN[section] if key in values}
            pairs = [f"{key.replace('_', '-')}\N{NO-BREAK SPACE}{value}" for key, value in shown.items()]
            print(entry(f"{'':{INDENT}}{section}", ", ".join(pairs), INDENT + 10))
        for found in preset.expected:
            reached = f"validation {found.loss:.3f} nats on {found.text} in {found.time}"
            where = f"{found.machine}, {found.date}"
            print(entry(f"{'':{INDENT}}reached", f"{reached}: {where}", INDENT + 10))
