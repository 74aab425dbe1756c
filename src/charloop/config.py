"""What a run is made of: frozen dataclasses whose ranges are declared once, beside the field they bound."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from charloop.errors import CharloopError, refusing_unknown
from charloop.given import CellName, CellObject, source_names

if TYPE_CHECKING:
    from charloop.given import Sources

Count = Annotated[int, Meta(ge=1, le=2**40)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
NonNegative = Annotated[float, Meta(ge=0, le=1e6)]
Layers = Annotated[int, Meta(ge=1, le=256)]
"""Each is compiled by itself: no machine compiles a thousand in a day."""
NonNegativeCount = Annotated[int, Meta(ge=0, le=2**40)]
Units = Annotated[int, Meta(ge=1, le=2**24)]
"""A matrix of more rows is larger than any machine, and cannot be indexed by 32 bits."""
Features = Annotated[int, Meta(ge=0, le=2**24)]


@refusing_unknown("setting of the data")
@dataclass(frozen=True)
class DataConfig:
    """Where the text comes from and how it is cut."""

    if TYPE_CHECKING:
        corpus: Sources = Sources()
    else:
        corpus: tuple[str, ...] = ()
        """Files, folders, globs, - for standard input, or named corpora (see `charloop corpora`)."""
    encoding: str = "utf-8"
    """How the files' bytes become characters."""
    errors: Literal["strict", "replace"] = "strict"
    """Bytes that are no characters: refuse the text, or read U+FFFD in their place and count them."""
    unit: Literal["char", "byte"] = "char"
    """Model code points, or raw bytes (anything at all)."""
    min_count: Count = 1
    """Characters that the text has less often become one unknown sign: read and predicted, never written."""
    validation_fraction: Fraction = 0.1
    """Share of the text, at its end, that is only ever evaluated."""
    test_fraction: Fraction = 0.0
    """Share after the validation text that not even the choice of the best weights sees."""
    batch_size: Count = 32
    """Lanes of contiguous text trained side by side."""
    seq_length: Count = 64
    """Characters between two updates of the weights (one truncated-BPTT window)."""

    def __post_init__(self) -> None:
        """`corpus` may be given as one name or path too."""
        object.__setattr__(self, "corpus", source_names(self.corpus))


@refusing_unknown("setting of the network")
@dataclass(frozen=True)
class ModelConfig:
    """The network."""

    cell: CellName = "lstm"
    """A cell's name (see `charloop cells`), or your own: FILE.py:CLASS."""
    cell_options: tuple[str, ...] = ()
    """Options of the cell as NAME=VALUE, e.g. reset_after=false for gru."""
    num_layers: Layers = 2
    """Recurrent layers, one on the other."""
    hidden_size: Units = 128
    """Units a layer."""
    embed_size: Features = 64
    """Features a character is embedded in; 0 for one-hot."""
    tie_embedding: bool = False
    """Read out with the embedding's own matrix; needs embed-size = hidden-size."""
    dropout_input: Fraction = 0.0
    """Share of embedded features dropped before the first layer."""
    dropout_between: Fraction = 0.0
    """Share of outputs dropped between two layers."""
    dropout_output: Fraction = 0.0
    """Share of outputs dropped after the last layer."""
    dropout_kind: Literal["element", "variational"] = "element"
    """A fresh mask each tick, or one for a whole chunk (Gal and Ghahramani 2016)."""
    unroll: str = "fused"
    """How cells run over time: fused, scan, dynamic or static."""

    def __post_init__(self) -> None:
        """`cell` may be given as a class or a cell too; a cell brings its hidden size."""
        given: object = self.cell
        if isinstance(given, str):
            return
        own = None if isinstance(given, type) else getattr(given, "hidden_size", None)
        if own not in (None, self.hidden_size):
            if self.hidden_size != type(self).hidden_size:
                raise CharloopError("hidden-size", got=self.hidden_size, allowed=f"{own}, the cell's own")
            object.__setattr__(self, "hidden_size", own)
        object.__setattr__(self, "cell", CellObject.of(given))


@refusing_unknown("setting of training")
@dataclass(frozen=True)
class TrainingConfig:
    """How the weights are found, for how long, and what is told on the way."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adamw"
    """The update rule."""
    learning_rate: Positive = 2e-3
    """Peak size of a step."""
    warmup_steps: NonNegativeCount = 100
    """Steps over which the learning rate climbs from 0 to its peak."""
    decay: Literal["constant", "cosine", "linear", "step"] = "cosine"
    """How the learning rate falls afterwards, over the whole of the run."""
    final_fraction: Fraction = 0.0
    """Share of the peak that cosine and linear decay end at."""
    decay_rate: Annotated[float, Meta(gt=0, le=1)] = 0.97
    """For step decay: the factor applied at each epoch after decay-after (char-rnn's rule)."""
    decay_after: NonNegativeCount = 10
    """For step decay: epochs at the full learning rate."""
    momentum: Fraction = 0.9
    """Adam's first moment and SGD's momentum."""
    second_moment: Fraction = 0.99
    """Decay of the mean squared gradient in Adam and RMSprop."""
    weight_decay: NonNegative = 0.01
    """For adamw: pull of matrices towards zero, times the learning rate."""
    state_dropout: Fraction = 0.02
    """Chance that a lane's memory is emptied in a chunk, where a paragraph begins if one does: a network learns to
    begin (Melis et al. 2018)."""
    clip_norm: NonNegative = 1.0
    """Longest gradient (global norm); a longer one is shortened to it. 0 turns it off."""
    max_skipped: NonNegativeCount = 10
    """Updates undone in a row (a loss or gradient that is not finite, or a spike) that end the run; 0: undo none."""
    spike_threshold: NonNegative = 6.0
    """Standard deviations above its running mean at which a gradient's norm is a spike; 0: no spikes."""
    recovery_steps: Count = 100
    """Sound updates over which the learning rate doubles again after an undone update has halved it."""
    epochs: Count | None = None
    """Stop after so many passes over the training text (10 if no limit is given)."""
    steps: Count | None = None
    """Stop after so many updates."""
    minutes: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Stop after so many minutes of training, learning-rate decay included."""
    patience: NonNegativeCount = 0
    """Stop after so many evaluations in a row without a better one; 0: never."""
    eval_every: NonNegativeCount = 0
    """Steps between two evaluations on the validation text; 0: about twenty a run, and after the last step."""
    validation_limit: NonNegativeCount = 1_000_000
    """Characters of the validation text that an evaluation reads, spread evenly over all of it; 0: every one."""
    sample_every: NonNegativeCount = 3
    """Evaluations between two samples of what the network writes by now, beside one after the first; 0: only at the
    end."""
    save_every: NonNegativeCount = 0
    """Steps between two saves; 0: at each evaluation, and each minute between them."""
    keep_saves: Annotated[int, Meta(ge=1, le=1000)] = 2
    """How many of the newest saves are kept, beside the best weights."""
    log: tuple[str, ...] = ()
    """Programs to watch the run in: tensorboard (files in RUN/tensorboard), wandb; --resume remembers them."""
    steps_per_call: Count = 8
    """Updates a call of the compiled program makes before the host looks at them."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers that large products are made of while training; bfloat16, where the processor has it, takes up to half
    the time and is a little less exact. Sums, weights and evaluations are float32 all the same."""
    devices: NonNegativeCount = 0
    """Processor cores or GPUs that share a batch; 0: as many as it pays for."""
    # jax.random.key drops what does not fit in 32 bits: a greater seed would be another's twin.
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Source of all that is random: same seed, same run."""


@refusing_unknown("section of a run")
@dataclass(frozen=True)
class RunConfig:
    """All that defines a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
