"""The distributions of a space, with the names and keys of Weights & Biases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charloop.errors import CharloopError, unknown_name

RANGE, STEPPED = frozenset({"min", "max"}), frozenset({"min", "max", "q"})
KEYS: dict[str, frozenset[str]] = {
    "constant": frozenset({"value"}),
    "categorical": frozenset({"values"}),
    "int_uniform": RANGE,
    "uniform": RANGE,
    "log_uniform_values": RANGE,
    "q_uniform": STEPPED,
    "q_log_uniform_values": STEPPED,
}
"""The keys of each distribution besides `distribution`."""
DIGITS = 4
"""Significant digits of a number that is drawn: a table and a command line then show it exactly."""
MOST_STEPS = 2**53


@dataclass(frozen=True)
class Parameter:
    """A setting and the distribution of its values."""

    name: str
    distribution: str
    choices: tuple[Any, ...] = ()
    """The values of a constant (one) and of a categorical parameter."""
    low: float = 0.0
    high: float = 0.0
    q: float = 0.0
    """Numbers are multiples of it; 0: any number."""

    @property
    def is_log(self) -> bool:
        """Whether the logarithms are uniform."""
        return "log" in self.distribution

    @property
    def size(self) -> int | None:
        """How many values there are; None for a range of real numbers."""
        if self.choices:
            return len(self.choices)
        return round((self.high - self.low) / self.q) + 1 if self.q else None

    def value(self, index: int) -> Any:
        """Return a value by its index, from 0 to below `size`."""
        return self.choices[index] if self.choices else self.snap(self.low + index * self.q)

    def at(self, share: float) -> Any:
        """Return the value below which about this share of all lies, from 0 to below 1."""
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        if self.distribution == "int_uniform":
            return self.value(int(share * (self.high - self.low + 1)))
        if self.is_log:
            return self.snap(self.low * (self.high / self.low) ** share)
        return self.snap(self.low + share * (self.high - self.low))

    def snap(self, number: float) -> int | float:
        """Return the value nearest to a number: a multiple of `q`, or a number of few digits; never out of range."""
        if self.q:
            near = round(number / self.q) * self.q
            # The product of a fraction such as 0.1 ends in digits that nobody meant.
            near = near if isinstance(self.q, int) else float(f"{near:.12g}")
        else:
            size = abs(number) if self.is_log else self.high - self.low
            near = round(number, DIGITS - 1 - math.floor(math.log10(size)))
        near = min(max(near, self.low), self.high)
        return int(near) if isinstance(self.q, int) and self.q else float(near)


def read_parameter(name: str, entry: Any) -> Parameter:
    """Return what `[parameters.NAME]` of a space says. Raises CharloopError for what is not supported."""
    table = f"[parameters.{name}]"
    if not isinstance(entry, Mapping):
        raise CharloopError(table, got=entry, allowed="a table such as values = [64, 128]")
    if "parameters" in entry:
        raise CharloopError(f"{table} is nested", do="settings are flat: [parameters.hidden_size]")
    kind = entry.get("distribution", default_distribution(entry))
    if kind is None:
        raise CharloopError(f"{table} says no values", do="give value, values, or min and max")
    if not isinstance(kind, str) or kind not in KEYS:
        meant = f"{kind}_values"
        raise unknown_name(
            f"distribution in {table}", str(kind), KEYS, meant=meant if meant in KEYS else None
        )
    for key in entry:
        if key not in {"distribution", *KEYS[kind]}:
            raise unknown_name(f"key of {kind} in {table}", key, KEYS[kind])
    for key in sorted(KEYS[kind] - {"q"}):
        if key not in entry:
            raise CharloopError(f"{table}: {kind} needs {key}")
    if kind == "constant":
        return Parameter(name, kind, (entry["value"],))
    if kind == "categorical":
        return Parameter(name, kind, read_choices(table, entry["values"]))
    return read_range(name, kind, entry)


def default_distribution(entry: Mapping[str, Any]) -> str | None:
    """Return the distribution of a table that names none, as Weights & Biases chooses it; None if there is none."""
    if "values" in entry:
        return "categorical"
    if "value" in entry:
        return "constant"
    ends = [entry[key] for key in ("min", "max") if key in entry]
    if not ends:
        return None
    return "int_uniform" if all(isinstance(end, int) for end in ends) else "uniform"


def read_choices(table: str, values: Any) -> tuple[Any, ...]:
    """Return the values of a categorical parameter, each once."""
    if not isinstance(values, list) or not values:
        raise CharloopError(f"{table}: values", got=values, allowed="a list: values = [64, 128]")
    if len({repr(value) for value in values}) < len(values):
        raise CharloopError(f"{table}: values", got=values, allowed="each value once")
    return tuple(values)


def read_range(name: str, kind: str, entry: Mapping[str, Any]) -> Parameter:
    """Return a parameter that is a number between `min` and `max`."""
    table = f"[parameters.{name}]"
    whole = kind == "int_uniform"
    numbers = {key: entry[key] for key in ("min", "max", "q") if key in entry}
    for key, number in numbers.items():
        fits = isinstance(number, int if whole else int | float) and not isinstance(number, bool)
        if not fits or not math.isfinite(number):
            allowed = "a whole number" if whole else "a number"
            raise CharloopError(f"{table}: {key}", got=number, allowed=allowed)
    low, high = numbers["min"], numbers["max"]
    if not low < high or not math.isfinite(float(high) - float(low)):
        raise CharloopError(f"{table}: max", got=high, allowed=f"a number > min, which is {low}")
    if "log" in kind and low <= 0:
        raise CharloopError(f"{table}: min", got=low, allowed="a number > 0, as its logarithm is taken")
    if not kind.startswith("q_"):
        return Parameter(name, kind, low=low, high=high, q=1 if whole else 0.0)
    return Parameter(name, kind, low=low, high=high, q=check_q(table, numbers.get("q", 1), low, high))


def check_q(table: str, q: float, low: float, high: float) -> float:
    """Return `q`, the distance of two values; an int if all values are. Both ends must be multiples of it."""
    if q <= 0 or (high - low) / q > MOST_STEPS:
        raise CharloopError(f"{table}: q", got=q, allowed="a number > 0")
    if any(abs(end / q - round(end / q)) > 1e-9 for end in (low, high)):
        raise CharloopError(
            f"{table}: q", got=q, allowed=f"a number that divides min ({low}) and max ({high})"
        )
    whole = all(isinstance(number, int) for number in (q, low, high))
    return q if whole else float(q)
