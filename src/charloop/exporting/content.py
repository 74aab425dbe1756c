"""What a form of an exported network is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charloop.exporting.matrix import Matrix
from charloop.exporting.network import ExportedNetwork
from charloop.exporting.quantizing import as_codes
from charloop.sampling import SamplingConfig
from charloop.trained import TrainedModel


@dataclass(frozen=True, eq=False)
class Export:
    """What a form is made from."""

    trained: TrainedModel
    """With rounded weights if they are 8-bit."""
    int8: bool
    name: str
    """The name of the file or folder, without its end."""
    writing: SamplingConfig
    """How the form writes unless it is told otherwise: temperature, top_k, top_p, length, seed."""
    prompt: str
    """The prompt unless another is given."""
    facts: Mapping[str, Any]
    """Of `gather_facts`."""
    license: str = ""
    """What the model card names; "" for none."""

    def network(self) -> ExportedNetwork:
        """Return the network as arrays and programs. Raises CharloopError for a cell whose step has no rule."""
        return ExportedNetwork.of(self.trained, as_codes if self.int8 else Matrix)
