"""charloop's own training step with products of bfloat16 numbers, for `serve.py`."""

from typing import Any

from charloop.benchmark import own


def build(setting: dict[str, Any]) -> tuple[own.Steps, dict[str, str]]:
    """As charloop's own."""
    return own.build(setting, "bfloat16")
