"""Why `--preset auto` chose what it chose, in two lines."""

from collections.abc import Sequence

from charloop.config import RunConfig
from charloop.wording import describe_model, duration, number_of


def explain_sizes(config: RunConfig, steps: float, epochs: float, seconds: float) -> str:
    """Return the sizes, and how far a run gets with them: `steps` and `epochs`, and the `seconds` they take."""
    data, training = config.data, config.training
    sizes = f"auto: {describe_model(config.model)}, {data.batch_size} x {data.seq_length} characters a step"
    if training.minutes and training.epochs and epochs >= training.epochs:
        return f"{sizes}; {number_of(training.epochs, 'epoch')}, about {duration(seconds)} here: more would not help"
    if training.minutes and steps < 1:
        return (
            f"{sizes}; {number_of(training.minutes, 'minute')} here hardly suffice to compile it: give more"
        )
    about = f"{number_of(rounded(steps), 'step')}, {number_of(rounded(epochs), 'epoch')}"
    if training.steps or not training.minutes:
        return f"{sizes}; about {about}, {duration(seconds)} here"
    return f"{sizes}; in {number_of(training.minutes or 0, 'minute')} here about {about}"


def explain_dropout(config: RunConfig, epochs: float, given: Sequence[str]) -> str:
    """Return the dropout rates and the learning rate, with the reason, and which settings were `given`."""
    model, training = config.model, config.training
    rates = {"input": model.dropout_input, "between layers": model.dropout_between}
    rates |= {"output": model.dropout_output, "weights": training.weight_dropout}
    dropped = ", ".join(f"{rate:g} {place}" for place, rate in rates.items() if rate)
    times = f"about {number_of(rounded(epochs), 'time')}" if epochs >= 1 else "less than once"
    parts = [
        f"dropout {dropped or 'none'}: the text is read {times}",
        f"learning rate {training.learning_rate:g}",
    ]
    parts += [f"given: {', '.join(name.replace('_', '-') for name in given)}"] if given else []
    return "; ".join(parts)


def rounded(quantity: float) -> float:
    """Return an estimate with two significant digits."""
    return float(f"{quantity:.2g}")
