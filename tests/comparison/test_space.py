"""The space of a sweep: which files are one, which values its distributions have, which points are tried."""

import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.comparison.search.distributions import Parameter, read_parameter
from charloop.comparison.search.points import count_trials, first_points, grid_points, unseen_point
from charloop.comparison.search.space import FIXED, SECTION_OF, Space, read_space
from charloop.config import DataConfig, RunConfig
from refusing import refused

RATE = {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1}
SHARES = st.floats(0, 1, exclude_max=True)


def space_of(method: str = "random", **parameters: Any) -> Space:
    return Space.of({"method": method, "parameters": parameters})


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    """Tables of all kinds of ranges that are allowed."""
    kind = draw(
        st.sampled_from(["uniform", "log_uniform_values", "int_uniform", "q_uniform", "q_log_uniform_values"])
    )
    q: float = draw(st.sampled_from([1, 2, 32, 0.1, 0.25])) if kind.startswith("q_") else 1
    if kind in ("uniform", "log_uniform_values"):
        numbers = st.floats(1e-6, 1e6) if "log" in kind else st.floats(-1e6, 1e6)
        low = draw(numbers)
        high = draw(numbers.filter(lambda number: number != low))
    else:
        low = draw(st.integers(1 if "log" in kind else -1000, 1000))
        high = low + draw(st.integers(1, 1000))
    low, high = sorted((low, high))
    table = {"distribution": kind, "min": low * q, "max": high * q}
    return table | ({"q": q} if kind.startswith("q_") else {})


@given(ranges(), SHARES)
def test_a_value_is_in_its_range_and_has_few_digits(table: dict[str, Any], share: float) -> None:
    parameter = read_parameter("x", table)
    value = parameter.at(share)
    assert table["min"] <= value <= table["max"]
    whole = all(isinstance(number, int) for number in table.values() if not isinstance(number, str))
    assert isinstance(value, int) == (whole and parameter.size is not None)
    if parameter.size:
        q = table.get("q", 1)
        assert value / q == pytest.approx(round(value / q))
        assert value in {parameter.value(index) for index in range(parameter.size)}
    elif table["min"] < value < table["max"] and parameter.is_log:
        assert value == float(f"{value:.4g}")


@given(ranges(), st.lists(SHARES, min_size=2, max_size=5))
def test_larger_shares_give_larger_values(table: dict[str, Any], shares: list[float]) -> None:
    parameter = read_parameter("x", table)
    values = [parameter.at(share) for share in sorted(shares)]
    assert values == sorted(values)


def test_the_middle_of_each_distribution() -> None:
    middle = {
        "uniform": (0.0, 4.0, 2.0),
        "log_uniform_values": (0.01, 1.0, 0.1),
        "int_uniform": (1, 5, 3),
        "q_uniform": (0, 8, 4),
        "q_log_uniform_values": (16, 1024, 128),
    }
    for kind, (low, high, expected) in middle.items():
        table = {"distribution": kind, "min": low, "max": high}
        assert read_parameter("x", table).at(0.5) == expected, kind
    assert Parameter("x", "categorical", ("a", "b", "c")).at(0.5) == "b"
    assert (
        read_parameter("x", {"distribution": "q_uniform", "min": 0.0, "max": 0.3, "q": 0.1}).at(0.99) == 0.3
    )


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"value": 3}, "constant"),
        ({"values": [3, 4]}, "categorical"),
        ({"min": 1, "max": 4}, "int_uniform"),
        ({"min": 1, "max": 4.0}, "uniform"),
    ],
)
def test_the_default_distribution_is_that_of_weights_and_biases(table: dict[str, Any], kind: str) -> None:
    assert read_parameter("x", table).distribution == kind


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12))
def test_more_trials_keep_the_first_ones(seed: int, few: int, more: int) -> None:
    space = space_of(learning_rate=RATE, hidden_size={"values": [8, 16]}, num_layers={"min": 1, "max": 3})
    short, long = sorted((few, more))
    points = first_points(space, seed, long)
    assert first_points(space, seed, short) == points[:short]
    assert len({repr(point) for point in points}) == long
    assert points != first_points(space, seed + 1, long)


@given(st.integers(0, 100))
def test_a_finite_space_ends_with_each_point_once(seed: int) -> None:
    space = space_of(hidden_size={"values": [8, 16]}, tie_embedding={"values": [True, False]})
    points = first_points(space, seed, 99)
    assert sorted(map(repr, points)) == sorted(map(repr, grid_points(space)))
    assert unseen_point(space, seed, points) is None
    assert unseen_point(space, seed, points[:2]) == points[2]


def test_the_draws_are_those_of_pythons_generator() -> None:
    """They are promised to stay: a sweep may go on in years."""
    space = space_of(learning_rate=RATE, hidden_size={"values": [8, 16, 24]})
    chance = random.Random("7 0")
    rate = 1e-4 * 1000 ** chance.random()
    size = [8, 16, 24][int(3 * chance.random())]
    assert first_points(space, 7, 1) == [{"learning_rate": float(f"{rate:.4g}"), "hidden_size": size}]


def test_draws_are_spread_over_the_range() -> None:
    rates = [point["learning_rate"] for point in first_points(space_of(learning_rate=RATE), 0, 300)]
    for third in range(3):
        inside = sum(10 ** (third - 4) <= rate < 10 ** (third - 3) for rate in rates)
        assert 70 < inside < 130


def test_a_grid_is_a_product_in_the_order_of_the_file() -> None:
    rates, quantized = [0.1, 0.01], {"distribution": "q_uniform", "min": 0.0, "max": 0.2, "q": 0.1}
    space = space_of(
        "grid", learning_rate={"values": rates}, num_layers={"min": 1, "max": 3}, clip_norm=quantized
    )
    expected = itertools.product(rates, [1, 2, 3], [0.0, 0.1, 0.2])
    assert [tuple(point.values()) for point in grid_points(space)] == list(expected)
    assert first_points(space, 5, 4) == list(grid_points(space))[:4]


def test_how_many_trials_there_are() -> None:
    sizes = {"hidden_size": {"values": [8, 16, 24]}}
    assert [count_trials(space_of("grid", **sizes), asked) for asked in (None, 2, 9)] == [3, 2, 3]
    assert [count_trials(space_of("random", **sizes), asked) for asked in (None, 2, 9)] == [3, 2, 3]
    assert [count_trials(space_of(learning_rate=RATE), asked) for asked in (None, 2, 99)] == [20, 2, 99]
    large = space_of("grid", hidden_size={"min": 1, "max": 5000})
    assert count_trials(large, 7) == 7
    with refused("the grid has 5,000 points", do="--trials 50"):
        count_trials(large, None)


REFUSED = {
    "method": ({"method": "randm"}, "method", "random, grid, bayes", ""),
    "no parameters": ({"method": "random"}, "no parameters", "", "[parameters.learning_rate]"),
    "metric": ({"metric": {"name": "loss"}}, "metric has no meaning here", "", "remove it"),
    "early_terminate": ({"early_terminate": {}}, "early_terminate has no meaning", "", "--no-halving"),
    "key": ({"methd": "random"}, "unknown key of a space", "method, parameters", "did you mean 'method'"),
}


def test_a_space_without_a_method_is_random() -> None:
    assert Space.of({"parameters": {"seed": {"values": [1, 2]}}}).method == "random"


@pytest.mark.parametrize("case", REFUSED)
def test_tables_that_are_no_space(case: str) -> None:
    values, what, allowed, do = REFUSED[case]
    with refused(what, allowed=allowed, do=do):
        Space.of(values)


@pytest.mark.parametrize(
    ("name", "table", "error"),
    [
        ("learning_rte", {"value": 1}, ("unknown setting", "batch_size, ", "did you mean 'learning_rate'")),
        ("momentum", {"value": 1}, ("unknown setting", "beta1", "did you mean 'beta1'")),
        ("model", {"hidden_size": {"value": 1}}, ("[parameters.model] is a section", "", "flat")),
        ("hidden_size", {"parameters": {}}, ("[parameters.hidden_size] is nested", "", "flat")),
        ("steps", {"value": 9}, ("steps is the same in all trials", "", "give --steps")),
        ("minutes", {"value": 9}, ("minutes is the same in all trials", "", "give --minutes")),
        ("eval_every", {"value": 9}, ("eval_every is the same in all trials", "", "give --eval-every")),
        ("corpus", {"value": "a"}, ("corpus is the same in all trials", "", "give it on the command line")),
        ("seed", 3, ("[parameters.seed]", "a table such as", "")),
        ("seed", {}, ("says no values", "", "give value, values, or min and max")),
        ("seed", {"values": []}, ("values", "a list", "")),
        ("seed", {"values": [1, 1]}, ("values", "each value once", "")),
        ("seed", {"values": [1], "probabilities": [1]}, ("unknown key of categorical", "values", "")),
        ("seed", {"min": 1}, ("int_uniform needs max", "", "")),
        ("seed", {"min": 4, "max": 1}, ("max", "a number > min, which is 4", "")),
        ("seed", {"min": 1, "max": 2.5, "distribution": "int_uniform"}, ("max", "a whole number", "")),
        ("seed", {"min": True, "max": 3}, ("min", "a whole number", "")),
        ("beta1", {"min": 0.0, "max": math.inf}, ("max", "a number", "")),
        ("beta1", {**RATE, "min": 0.0}, ("min", "a number > 0", "")),
        ("beta1", {"distribution": "normal"}, ("unknown distribution", "uniform", "")),
        ("beta1", {"distribution": "log_uniform"}, ("unknown", "", "did you mean 'log_uniform_values'")),
        ("seed", {"min": 8, "max": 20, "q": 8, "distribution": "q_uniform"}, ("q", "divides min (8)", "")),
        ("seed", {"min": 8, "max": 16, "q": 0, "distribution": "q_uniform"}, ("q", "a number > 0", "")),
    ],
)
def test_parameters_that_are_refused(name: str, table: Any, error: tuple[str, str, str]) -> None:
    what, allowed, do = error
    with refused(what, allowed=allowed, do=do):
        space_of(**{name: table})


def test_a_grid_needs_an_end() -> None:
    with refused("a grid has no end in learning_rate", allowed="categorical"):
        space_of("grid", hidden_size={"values": [8]}, learning_rate=RATE)


@pytest.mark.parametrize(
    ("name", "table", "got"),
    [
        ("hidden_size", {"min": 0, "max": 8}, 0),
        ("hidden_size", {"min": 1.0, "max": 8.0}, 1.0),
        ("dropout_input", {"values": [0.5, 1.0]}, 1.0),
        ("decay", {"values": ["cosine", "cosin"]}, "cosin"),
        ("tie_embedding", {"value": 1}, 1),
    ],
)
def test_each_value_must_suit_its_setting(name: str, table: dict[str, Any], got: Any) -> None:
    with refused(name.replace("_", "-"), got=got):
        space_of(**{name: table}).check(RunConfig())


def test_a_seed_that_shuffles_the_text_cannot_vary() -> None:
    space = space_of(seed={"values": [0, 1]})
    space.check(RunConfig())
    with refused("the seed shuffles the text", do="leave out --shuffle"):
        space.check(RunConfig(data=DataConfig(shuffle=True)))


def test_a_space_is_read_from_a_file_and_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text('method = "grid"\n[parameters.cell_options]\nvalues = [["reset_after=false"], []]\n')
    tables = read_space(path, RunConfig())
    configs = [Space.of(tables).config(point, RunConfig()) for point in grid_points(Space.of(tables))]
    assert [config.model.cell_options for config in configs] == [("reset_after=false",), ()]
    path.write_text('method = "grid"\n[parameters.hidden_size]\nvalue = 0\n')
    with refused(f"in {path}: hidden-size", got=0):
        read_space(path, RunConfig())
    with refused("cannot read the space missing.toml"):
        read_space(Path("missing.toml"), RunConfig())


def test_every_setting_varies_or_is_fixed_on_purpose() -> None:
    """A new setting varies unless it is named: what trials are measured on must not."""
    assert set(SECTION_OF) >= FIXED
    assert {"unit", "min_count", "validation_fraction", "epochs", "validation_limit"} <= FIXED
    assert not {"batch_size", "seq_length", "cell", "seed", "learning_rate", "patience"} & FIXED
