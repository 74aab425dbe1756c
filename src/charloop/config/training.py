"""The settings of training."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from charloop.config.ranges import Count, Fraction, NonNegative, NonNegativeCount, Positive, Seed
from charloop.errors import refusing_unknown


@dataclass(frozen=True)
class TrainingSettings:
    """How the weights are found, for how long, and what is reported on the way."""

    optimizer: Literal["adam", "adamw", "muon", "rmsprop", "sgd"] = "adamw"
    """Optimizer that updates the weights. muon is Muon (Jordan et al. 2024) for the matrices of the recurrent layers,
    AdamW for the rest: better steps that take longer, and a learning rate of about twice that of adamw."""
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
    """Weight decay of AdamW and Muon: each update shrinks the weight matrices by this number times the learning
    rate."""
    clip_norm: NonNegative = 1.0
    """Largest norm of the gradient of all weights together; a larger gradient is scaled down to it. 0: no
    clipping."""
    freeze: str = ""
    """Parts of the network that stay as they are, with commas between: embedding, readout, layer0, layer1, ..."""
    weight_dropout: Fraction = 0.0
    """Dropout rate of the weights between the hidden states of a layer, drawn once for each update (Merity et al.
    2018); from 0 to below 1."""
    average_decay: Fraction = 0.0
    """Keep a moving average of the weights beside them, with this decay rate for each update, from 0 to below 1
    (Polyak and Juditsky 1992). The better of the two on the validation text is saved. 0: no average."""
    average_after: NonNegativeCount = 0
    """Keep the mean of the weights of all updates, from the first time that N evaluations in a row were no better
    (Merity et al. 2018). The better of the two is saved. 0: no average."""
    epochs: Count | None = None
    """Stop after N passes over the training text (10 if no limit is given)."""
    steps: Count | None = None
    """Stop after N updates."""
    minutes: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Stop after X minutes from the start, reading and compiling included. The learning-rate schedule follows
    the clock."""
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
    """Decay rate of the running mean of gradients, from 0 to below 1: beta1 of Adam and AdamW, momentum of Muon and
    SGD. RMSprop has none."""
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
