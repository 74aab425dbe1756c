"""charloop's own lstm in the same setting, for `serve.py`: what another cell costs beside it."""

from typing import Any

from charloop.benchmark import own


def build(setting: dict[str, Any]) -> tuple[own.Steps, dict[str, str]]:
    """As charloop's own. Raises NotImplementedError where that is this."""
    if setting["cell"] == "lstm":
        raise NotImplementedError("charloop's cell is lstm already")
    return own.build(setting | {"cell": "lstm", "cell_options": ()})
