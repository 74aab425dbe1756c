"""The names of the files in a run's folder, and a way to change one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONFIG, VOCABULARY, WEIGHTS = "config.json", "vocabulary.json", "model.safetensors"
CHECKPOINTS = "checkpoints"
STATE = "checkpoints/step-000000002.safetensors"
"""The newest checkpoint of the run that these tests look at."""


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a JSON file says."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
