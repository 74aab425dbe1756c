"""A network as a folder of its own, without the state of its training."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from charloop.cells.from_object import name_builtin_cell
from charloop.checkpoint import RunFolder, export_run
from charloop.config import DataConfig, RunConfig
from charloop.data.documents.labels import RECORD

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel


def save_network(network: "TrainedModel", path: Path) -> None:
    """Write the network to the new folder `path`. Raises CharloopError if it is in use or cannot be written."""
    params = {name: np.asarray(value) for name, value in network.params.items()}
    facts = {"step": 0, "validation_loss": None} | network.facts
    run, known = network.run, network.vocabulary
    if run is None:
        data = DataConfig(unit=known.unit, min_count=known.min_count, documents=known.documents)
        if known.documents == RECORD:
            data = replace(data, documents="", text_field="text", label_field="label")
        run = RunFolder(Path(), RunConfig(data, name_builtin_cell(network.model.config)), known, {})
    export_run(run, path, params, facts)
