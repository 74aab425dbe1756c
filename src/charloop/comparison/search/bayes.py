"""Points that optuna proposes from the losses of earlier trials: its tree-structured Parzen estimator."""

import random
from collections.abc import Sequence
from typing import Any

from charloop.comparison.search.distributions import Parameter
from charloop.comparison.search.points import unseen_point
from charloop.comparison.search.space import Point, Space
from charloop.errors import CharloopError


def need_optuna() -> None:
    """Raise CharloopError if optuna, an optional dependency, is not installed."""
    try:
        import optuna
    except ImportError:
        raise CharloopError('method = "bayes" needs optuna', do="pip install 'charloop[optuna]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def propose(space: Space, seed: int, points: Sequence[Point], losses: Sequence[float]) -> Point | None:
    """Return the point after `points`, whose losses are known (infinite: a failure); None if there is no other.

    Each call makes a new study from the earlier trials, with a seed that depends only on `seed` and their number: a
    sweep that was stopped and continued tries the same points as one that was not.
    """
    import optuna

    distributions = {parameter.name: distribution_of(parameter) for parameter in space.parameters}
    own = random.Random(f"{seed} {len(points)}").getrandbits(32)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=own))
    for point, loss in zip(points, losses, strict=True):
        known = {parameter.name: encode(parameter, point[parameter.name]) for parameter in space.parameters}
        study.add_trial(optuna.trial.create_trial(params=known, distributions=distributions, value=loss))
    asked = study.ask(distributions).params
    point = {parameter.name: decode(parameter, asked[parameter.name]) for parameter in space.parameters}
    return point if point not in points else unseen_point(space, seed, points)


def distribution_of(parameter: Parameter) -> Any:
    """Return optuna's distribution; of choices, it chooses the index, because its own must be numbers or strings."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.choices:
        return CategoricalDistribution(range(len(parameter.choices)))
    if parameter.distribution == "int_uniform":
        return IntDistribution(int(parameter.low), int(parameter.high))
    return FloatDistribution(parameter.low, parameter.high, log=parameter.is_log)


def encode(parameter: Parameter, value: Any) -> Any:
    """Return what optuna calls a value of `parameter`."""
    return parameter.choices.index(value) if parameter.choices else value


def decode(parameter: Parameter, asked: Any) -> Any:
    """Return the value of `parameter` that optuna's answer stands for."""
    return parameter.choices[asked] if parameter.choices else parameter.snap(asked)
