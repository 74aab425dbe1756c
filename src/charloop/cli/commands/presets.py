"""charloop presets: settings that go well together."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.flags.parsing import parse

INDENT = 7
SHOWN = {
    "data": ("batch_size", "seq_length"),
    "model": ("num_layers", "hidden_size", "embed_size", "dropout_between", "dropout_output"),
    "training": ("learning_rate", "warmup_steps", "minutes", "epochs", "patience"),
}
"""Settings in which presets differ."""


@dataclass(frozen=True)
class PresetsFlags:
    """List the presets: sets of settings for charloop train TEXT --preset NAME."""


def main(arguments: Sequence[str]) -> None:
    """Print the presets and what each sets."""
    parse(PresetsFlags, "presets", arguments)

    from charloop.configfile import to_dict
    from charloop.presets import PRESETS
    from charloop.wording import entry

    print("Other settings have the defaults that charloop train --help shows.")
    for name, (summary, config) in PRESETS.items():
        print("\n" + entry(name, summary, INDENT))
        for section, values in to_dict(config).items():
            shown = {key: values[key] for key in SHOWN[section] if key in values}
            pairs = [f"{key.replace('_', '-')}\N{NO-BREAK SPACE}{value:g}" for key, value in shown.items()]
            print(entry(f"{'':{INDENT}}{section}", ", ".join(pairs), INDENT + 10))
