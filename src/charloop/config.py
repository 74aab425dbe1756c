"""The configuration of a run: frozen dataclasses, with the range of each field declared beside it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from charloop.conversion import check_fields
from charloop.errors import CharloopError, refusing_unknown
from charloop.given import CellName, CellObject, Fields, source_names

if TYPE_CHECKING:
    from charloop.given import Sources

Count = Annotated[int, Meta(ge=1, le=2**40)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
NonNegative = Annotated[float, Meta(ge=0, le=1e6)]
Layers = Annotated[int, Meta(ge=1, le=256)]
"""Each layer is compiled by itself: a thousand would take a day."""
NonNegativeCount = Annotated[int, Meta(ge=0, le=2**40)]
Units = Annotated[int, Meta(ge=1, le=2**24)]
"""A matrix with more rows fits no machine and no 32-bit index."""
# jax.random.key drops all but 32 bits: a larger seed would give the run of a smaller one.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Features = Annotated[int, Meta(ge=0, le=2**24)]


@refusing_unknown("setting of the data")
@dataclass(frozen=True)
class DataConfig:
    """Where the text comes from, and how it is divided."""

    if TYPE_CHECKING:
        corpus: Sources = Sources()
    else:
        corpus: tuple[str, ...] = ()
        """Files, folders, globs, - for standard input, or named corpora (see `charloop corpora`)."""
    encoding: str = "utf-8"
    """Text encoding of the files, a name that Python knows; or auto: it is found for each file."""
    errors: Literal["strict", "replace"] = "strict"
    """What to do with bytes that are not valid in the encoding: refuse the text (strict), or replace each with U+FFFD
    and count them (replace)."""
    unit: Literal["char", "byte"] = "char"
    """What the network reads and predicts: Unicode code points (char), or the bytes of any file (byte)."""
    min_count: Count = 1
    """Replace characters that occur fewer than N times with one unknown symbol, which the network reads and predicts
    but never writes. 1: replace none."""
    documents: str = ""
    r"""Read the text as documents, each from an empty memory, and learn where they end. line: each line is one.
    blank-line: empty lines separate them. file: each file is one. Anything else is the separator itself (`\n`, `\t`
    and `\\` stand for newline, tab and backslash). Empty: one text."""
    text_field: str = ""
    """Read tables (.csv, .tsv) and JSON (.jsonl, .json), and learn the texts in this field: each record is a
    document. Empty: the files are text."""
    label_field: str = ""
    """Read what is in this field, such as a language or an author, as a label before each text: the network learns to
    write for a given label. Needs text-field."""
    shuffle: bool = False
    """Put the documents in random order, by the seed, before the text is divided."""
    hold_out: Literal["each-file", "end"] = "each-file"
    """Of documents in several files, hold out the last of each file (where files are documents: of each folder), or
    the last of the whole text (end). With shuffle it makes no difference."""
    validation_fraction: Fraction = 0.1
    """Fraction of the text that is held out for validation, from 0 to below 1: its end, or what precedes the test
    text."""
    test_fraction: Fraction = 0.0
    """Fraction of the text, at its end, that is held out for testing, from 0 to below 1."""
    batch_size: Count = 32
    """Number of batch rows: contiguous pieces of the text that are trained side by side."""
    seq_length: Count = 64
    """Characters of each batch row that one training step reads (the window of truncated backpropagation through
    time)."""

    def __post_init__(self) -> None:
        """`corpus` may also be given as one name or path."""
        object.__setattr__(self, "corpus", source_names(self.corpus))

    @property
    def fields(self) -> Fields | None:
        """The fields of tables; None if the files are text."""
        return Fields(self.text_field, self.label_field) if self.text_field or self.label_field else None


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


NETWORK = ("cell", "cell_options", "num_layers", "hidden_size", "embed_size", "tie_embedding")
"""Settings of the network that its weights depend on."""


@dataclass(frozen=True)
class TrainingSettings:
    """How the weights are found, for how long, and what is reported on the way."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adamw"
    """Optimizer that updates the weights."""
    learning_rate: Positive = 2e-3
    """Learning rate at its peak, above 0."""
    warmup_steps: NonNegativeCount = 100
    """Steps over which the learning rate rises from 0 to its peak."""
    decay: Literal["constant", "cosine", "linear", "step", "wsd"] = "cosine"
    """How the learning rate changes after the warm-up, over the rest of the run. wsd stays at the peak, then falls in
    a straight line over the last tenth (Hu et al. 2024): such a run can be continued before it falls."""
    final_fraction: Fraction = 0.0
    """Learning rate at the end of cosine, linear and wsd decay, as a fraction of the peak; from 0 to below 1."""
    decay_rate: Annotated[float, Meta(gt=0, le=1)] = 0.97
    """Step decay: factor of the learning rate at each epoch after decay-after, above 0 and at most 1 (char-rnn's
    rule)."""
    decay_after: NonNegativeCount = 10
    """Step decay: number of epochs at the full learning rate."""
    weight_decay: NonNegative = 0.01
    """Weight decay of AdamW: each update shrinks the weight matrices by this number times the learning rate."""
    clip_norm: NonNegative = 1.0
    """Largest norm of the gradient of all weights together; a larger gradient is scaled down to it. 0: no
    clipping."""
    freeze: str = ""
    """Parts of the network that stay as they are, with commas between: embedding, readout, layer0, layer1, ..."""
    weight_dropout: Fraction = 0.0
    """Dropout rate of the weights between the hidden states of a layer, drawn once for each update (Merity et al.
    2018); from 0 to below 1."""
    epochs: Count | None = None
    """Stop after N passes over the training text (10 if no limit is given)."""
    steps: Count | None = None
    """Stop after N updates."""
    minutes: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Stop after X minutes of training. The learning-rate schedule follows the clock."""
    patience: NonNegativeCount = 0
    """Stop after N evaluations in a row without a better validation loss; 0: never."""
    eval_every: NonNegativeCount = 0
    """Number of steps from one evaluation on the validation text to the next; 0: about twenty evaluations in a run.
    The last step is always evaluated."""
    sample_every: NonNegativeCount = 3
    """Show a sample of the network's text at the first evaluation and at each Nth after it. 0: only at the end."""
    save_every: NonNegativeCount = 0
    """Number of steps from one checkpoint to the next; 0: one at each evaluation, and one each minute between
    them."""
    keep_checkpoints: Annotated[int, Meta(ge=1, le=1000)] = 2
    """Number of checkpoints to keep, from 1 to 1000, in addition to the best weights."""
    log: tuple[str, ...] = ()
    """Loggers to report to: tensorboard (files in RUN/tensorboard), wandb (Weights & Biases). --resume remembers
    them."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers in large matrix products during training. bfloat16 is faster on processors that multiply such numbers,
    and slightly less exact. Sums, weights and evaluations stay float32."""
    seed: Seed = 0
    """Seed of the random numbers: the same seed gives the same run."""


@dataclass(frozen=True)
class ExpertSettings:
    """Settings of training that rarely need a change."""

    beta1: Fraction = 0.9
    """Decay rate of the running mean of gradients, from 0 to below 1: beta1 of Adam and AdamW, momentum of SGD.
    RMSprop has none."""
    beta2: Fraction = 0.99
    """Decay rate of the running mean of squared gradients, from 0 to below 1: beta2 of Adam and AdamW, the decay of
    RMSprop. SGD has none."""
    state_dropout: Fraction = 0.02
    """Probability that the memory of a batch row is emptied in a chunk, at the start of a paragraph if the chunk has
    one, so that the network learns to begin a text (Melis et al. 2018). From 0 to below 1."""
    max_skipped: NonNegativeCount = 10
    """End the run after N skipped updates in a row. An update is skipped if its loss or gradient is not finite, or
    its gradient is a spike. 0: skip none."""
    spike_threshold: NonNegative = 6.0
    """Standard deviations above the running mean at which the norm of a gradient is a spike; 0: never."""
    recovery_steps: Count = 100
    """Number of updates over which the learning rate doubles again after a skipped update has halved it."""
    validation_limit: NonNegativeCount = 1_000_000
    """Number of characters of the validation text that an evaluation reads, spread evenly over it; 0: all."""
    steps_per_call: Count = 8
    """Number of updates in one call of the compiled program."""
    devices: NonNegativeCount = 0
    """Number of processor cores or GPUs that share a batch; 0: chosen from the batch size."""


@refusing_unknown(
    "setting of training", {"keep_saves": "keep_checkpoints", "momentum": "beta1", "second_moment": "beta2"}
)
@dataclass(frozen=True)
class TrainingConfig(ExpertSettings, TrainingSettings):
    """How the weights are found: all settings of training."""


@refusing_unknown("section of a run")
@dataclass(frozen=True)
class RunConfig:
    """All that defines a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


@refusing_unknown("setting of dynamic evaluation")
@dataclass(frozen=True)
class DynamicConfig:
    """How a network learns from the text that it reads. Raises CharloopError for a value out of range."""

    dynamic_rate: NonNegative = 0.3
    """Learning rate of dynamic evaluation, 0 or more."""
    dynamic_decay: NonNegative = 0.003
    """How fast the weights go back to the trained ones, 0 or more."""
    dynamic_epsilon: Positive = 0.01
    """Added to each weight's mean gradient before a step is divided by it, above 0; the mean of all is 1."""
    dynamic_segment: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Characters that are predicted before the network learns from them, from 1 to 10,000."""
    dynamic_rows: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Parts of the text that are read side by side, from 1 to 1024: more are faster, and lower the loss less."""

    def __post_init__(self) -> None:
        check_fields(self)
