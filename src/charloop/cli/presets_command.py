"""charloop presets: settings that go well together."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.arguments import parse


@dataclass(frozen=True)
class PresetsFlags:
    """Settings that go well together: charloop train TEXT --preset NAME."""


def main(arguments: Sequence[str]) -> None:
    """Print the registry of presets, and what each sets."""
    parse(PresetsFlags, "presets", arguments)

    from charloop.config import RunConfig
    from charloop.configfile import to_dict
    from charloop.presets import PRESETS

    defaults = to_dict(RunConfig())
    for name, (summary, config) in PRESETS.items():
        print(f"{name:6} {summary}")
        for section, values in to_dict(config).items():
            changed = {k: v for k, v in values.items() if defaults[section].get(k) != v}
            line = "  ".join(f"{key.replace('_', '-')} {value}" for key, value in changed.items())
            print(f"{'':6}   {section:9} {line}" if line else "", end="\n" if line else "")
