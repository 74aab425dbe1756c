"""What to change in a run that has learned nothing yet, read off its own settings."""

from collections.abc import Iterator

from charloop.baselines import Baseline
from charloop.config import RunConfig, TrainingConfig

USUAL_RATE = 2e-3
LOWEST, HIGHEST = USUAL_RATE / 4, USUAL_RATE * 5
"""Learning rates between which the fault is likely to lie elsewhere."""
MANY_STEPS = 1000
SMALL = 64
"""Units a layer, below which a network has little to remember with."""
MUCH_DROPPED = 0.5


def advise(config: RunConfig, unigram: Baseline, step: int) -> str:
    """One sentence for a run that after `step` updates, an epoch or more, is no better than its unigram."""
    changes = [
        *rate_changes(config.training, step),
        *length_changes(config.training, step),
        *size_changes(config),
    ]
    worth = f"after an epoch it is no better than knowing how frequent each character is ({unigram.bits:.2f} bits)"
    return f"{worth}: {'; '.join(changes) or 'look at the text: is it shuffled, encrypted or compressed?'}"


def rate_changes(training: TrainingConfig, step: int) -> Iterator[str]:
    """What is wrong with the learning rate."""
    rate = training.learning_rate
    if training.optimizer == "sgd":
        yield f"--optimizer adamw --learning-rate {USUAL_RATE:g} instead of sgd's {rate:g}"
    elif rate < LOWEST:
        yield f"raise --learning-rate from {rate:g} to {USUAL_RATE:g}"
    elif rate > HIGHEST:
        yield f"lower --learning-rate from {rate:g} to {USUAL_RATE:g}"
    if training.warmup_steps > step / 2:
        yield f"--warmup-steps {max(1, step // 10)} instead of {training.warmup_steps:,}"


def length_changes(training: TrainingConfig, step: int) -> Iterator[str]:
    """Whether it is too early to say: a limit four times as far off, for a run of few updates."""
    if step >= MANY_STEPS:
        return
    limits = {"epochs": training.epochs, "steps": training.steps, "minutes": training.minutes}
    longer = " ".join(f"--{name} {4 * value:g}" for name, value in limits.items() if value)
    yield f"train longer than {step:,} updates, with {longer}" if longer else "train longer"


def size_changes(config: RunConfig) -> Iterator[str]:
    """Whether the network is very small, or most of it is dropped."""
    if config.model.hidden_size < SMALL:
        yield f"raise --hidden-size from {config.model.hidden_size} to {2 * SMALL}"
    if (
        max(config.model.dropout_input, config.model.dropout_between, config.model.dropout_output)
        > MUCH_DROPPED
    ):
        yield "lower --dropout to 0.2"
