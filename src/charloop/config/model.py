"""The settings of the network."""

from dataclasses import dataclass
from typing import Literal

from charloop.config.ranges import Features, Fraction, Layers, Units
from charloop.errors import CharloopError, refusing_unknown
from charloop.given import CellName, CellObject


@refusing_unknown("setting of the network")
@dataclass(frozen=True)
class ModelConfig:
    """The network."""

    cell: CellName = "lstm"
    """A cell's name (see `charloop cells`), or your own: FILE.py:CLASS."""
    cell_options: tuple[str, ...] = ()
    """Options of the cell as NAME=VALUE, e.g. reset_after=false for gru."""
    num_layers: Layers = 2
    """Number of recurrent layers, from 1 to 256."""
    hidden_size: Units = 128
    """Units in each recurrent layer."""
    embed_size: Features = 64
    """Size of the character embedding; 0 for one-hot input."""
    tie_embedding: bool = False
    """Use the embedding matrix for the readout too; requires embed-size = hidden-size."""
    readout_from: Literal["last", "all"] = "last"
    """Which recurrent layers the readout reads: the last, or the sum of the outputs of all (Melis et al. 2018)."""
    embedding_dropout: Fraction = 0.0
    """Rate at which whole characters are dropped from the embedding, drawn once for each update (Gal and Ghahramani
    2016; Merity et al. 2018): the network reads them as zeros. From 0 to below 1."""
    dropout_input: Fraction = 0.0
    """Dropout rate of the embedded input, before the first layer; from 0 to below 1."""
    dropout_between: Fraction = 0.0
    """Dropout rate between recurrent layers; from 0 to below 1."""
    dropout_output: Fraction = 0.0
    """Dropout rate after the last recurrent layer; from 0 to below 1."""
    dropout_kind: Literal["element", "variational"] = "element"
    """Draw a new dropout mask at each time step (element), or one for a whole chunk (variational; Gal and Ghahramani
    2016)."""
    unroll: str = "fused"
    """How a cell runs over time: fused (as machine code compiled from it, where possible), xla, scan, dynamic or
    static."""

    def __post_init__(self) -> None:
        """`cell` may also be given as a class or a cell; a cell sets the hidden size."""
        given: object = self.cell
        if isinstance(given, str):
            return
        own = None if isinstance(given, type) else getattr(given, "hidden_size", None)
        if own not in (None, self.hidden_size):
            if self.hidden_size != type(self).hidden_size:
                raise CharloopError("hidden-size", got=self.hidden_size, allowed=f"{own}, the cell's own")
            object.__setattr__(self, "hidden_size", own)
        object.__setattr__(self, "cell", CellObject.of(given))


NETWORK = (
    "cell",
    "cell_options",
    "num_layers",
    "hidden_size",
    "embed_size",
    "tie_embedding",
    "readout_from",
)
"""Settings of the network that its weights depend on."""
