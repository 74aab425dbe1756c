"""Constraints: the same text if they forbid nothing, and a text is found whenever there is one."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Letters, Steady

from charloop.errors import CharloopError
from charloop.sampling import Constraint, SamplingConfig, generate_texts, stream_text
from charloop.sampling.constraints import backtracking
from choosing import slow

FEW = Letters("abc")


@dataclass(frozen=True, eq=False)
class Rule(Constraint):
    """Forbid the symbols `forbids(text)`; the text may end where `ends` is true. The state is the text so far."""

    symbols: str = ALPHABET
    forbids: Callable[[str], str] = lambda _: ""
    ends: Callable[[str], bool] = lambda _: True
    over: Callable[[str], bool] = lambda _: False
    name: str = "the rule"

    def start(self, prompt: np.ndarray) -> str:  # noqa: ARG002
        return ""

    def allowed(self, state: str, remaining: int) -> np.ndarray:
        assert remaining >= 1
        return np.array([symbol not in self.forbids(state) for symbol in self.symbols])

    def after(self, state: str, index: int) -> str:
        return state + self.symbols[index]

    def may_end(self, state: str) -> bool:
        return self.ends(state)

    def is_over(self, state: str, remaining: int) -> bool:  # noqa: ARG002
        return self.over(state)


SETTINGS = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.7, "top_k": 4, "top_p": 0.9, "min_p": 0.05},
    {"mode": "words", "temperature": 2.0},
    {"stop": "ab", "seed": 3},
    {"stop": "b", "lines": 3, "seed": 5},
    {"lines": 2},
    {"stop": "X"},
    {"stop": ("X", "ab", "c"), "seed": 4},
    {"num_samples": 3, "lines": 4},
]


@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
@pytest.mark.parametrize("prompt", ["abc d", slow("")])
def test_a_rule_that_forbids_nothing_changes_nothing(chosen: dict[str, Any], prompt: str) -> None:
    config = SamplingConfig(**{"length": 300, **chosen})
    plain = generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config)
    assert generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config, [Rule()]) == plain
    if config.num_samples == 1:
        assert "".join(stream_text(ELMAN, WEIGHTS, LETTERS, prompt, config, [Rule()])) == plain[0]


def test_a_stream_gives_out_what_is_no_longer_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtracking, "MAX_TAKEN_BACK", 7)
    config = SamplingConfig(length=40, temperature=0.8)
    rule = Rule(forbids=lambda text: "aeh" if len(text) % 3 else "bcd")
    text = generate_texts(ELMAN, WEIGHTS, LETTERS, "ab", config, [rule])[0]
    pieces = stream_text(ELMAN, WEIGHTS, LETTERS, "ab", config, [rule])
    seen = "".join(next(pieces) for _ in range(20))
    assert len(seen) == 20
    assert text.startswith(seen)
    assert list(pieces)[-1] == text[33:]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_text_is_found_wherever_there_is_one(data: st.DataObject) -> None:
    """The rule decides only at the end: every text is tried once, or it is refused."""
    length = data.draw(st.integers(1, 4))
    every = [
        "".join(letters) for size in range(1, length + 1) for letters in itertools.product("abc", repeat=size)
    ]
    wanted = data.draw(st.sets(st.sampled_from(every), max_size=3))
    dead = data.draw(st.sampled_from(["", "aa", "b", "cb"]))
    wanted = {text for text in wanted if not dead or dead + "a" not in text}
    rule = Rule(
        "abc",
        lambda text: "a" if dead and text.endswith(dead) else "",
        ends=lambda text: text in wanted,
        over=lambda text: text in wanted,
    )
    temperature = data.draw(st.sampled_from([0.0, 1.0]))
    config = SamplingConfig(length=length, seed=data.draw(st.integers(0, 9)), temperature=temperature)
    weights = data.draw(st.sampled_from([(5, 1, 3), (1, 50, 2), (1, 1000, 1)]))
    write = lambda: generate_texts(Steady(weights), {}, FEW, "", config, [rule])  # noqa: E731
    if wanted:
        assert write()[0] in wanted
    else:
        with pytest.raises(CharloopError, match="no text that satisfies the rule was found in"):
            write()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.text("abcdefgh \n", min_size=2, max_size=2), st.sampled_from([0.0, 0.5, 1.0]))
def test_two_rules_at_once_over_random_networks(seed: int, pair: str, temperature: float) -> None:
    """Never one letter after the other, and an end after the one: each alone is easy."""
    one, other = pair
    rules = [
        Rule(forbids=lambda text: other if text.endswith(one) else ""),
        Rule(ends=lambda text: text.endswith(one)),
    ]
    config = SamplingConfig(length=25, temperature=temperature, seed=seed)
    text = generate_texts(ELMAN, ELMAN.init(seed), LETTERS, "a", config, rules)[0]
    assert len(text) == 25
    assert one + other not in text
    assert text.endswith(one)


@dataclass(frozen=True)
class Table:
    """The probabilities of the next letter given the last: a row of `params["table"]`."""

    def initial_state(self, batch_size: int) -> jax.Array:
        return jnp.zeros((batch_size, 0))

    def apply(self, params: dict[str, Any], characters: Any, state: Any, *, lengths: Any = None) -> Any:  # noqa: ARG002
        return jnp.log(params["table"])[characters], state


def test_a_character_that_spoils_the_word_is_avoided_by_going_back() -> None:
    """After `a` only `c` is likely. Where that is forbidden, another is written instead."""
    table = jnp.array([[0.005, 0.005, 0.99], [0.3, 0.3, 0.4], [0.6, 0.4, 1e-9]])
    rule = Rule("abc", forbids=lambda text: "c" if text.endswith("a") else "")
    for temperature in (0.0, 1.0):
        config = SamplingConfig(length=60, temperature=temperature, seed=2)
        text = generate_texts(Table(), {"table": table}, FEW, "c", config, [rule])[0]
        assert "ac" not in text
        assert "a" not in text[:-1], "what follows an a has a probability of 0.01"


@pytest.mark.parametrize(("before", "first"), [("", ""), ("a", "c")], ids=["here", "a position before"])
def test_an_unlikely_way_is_taken_after_all_where_it_is_the_only_one(before: str, first: str) -> None:
    """After `c` little probability is left, after `a` and `b` none: the writer leaves `c`, and returns to it."""
    table = jnp.array([[0.3, 0.3, 0.4], [0.3, 0.3, 0.4], [0.01, 0.01, 0.98]])
    forbidden = {"": first, before: "", before + "c": "c", before + "ca": "", before + "cb": ""}
    rule = Rule("abc", forbids=lambda text: forbidden.get(text, "abc"))
    for seed in range(9):
        config = SamplingConfig(length=len(before) + 2, seed=seed)
        text = generate_texts(Table(), {"table": table}, FEW, "a", config, [rule])[0]
        assert text in (before + "ca", before + "cb")


def test_unlikely_characters_are_written_where_likely_ones_are_forbidden() -> None:
    table = jnp.array([[0.98, 0.01, 0.01]] * 3)
    rule = Rule("abc", forbids=lambda _: "a")
    text = generate_texts(Table(), {"table": table}, FEW, "a", SamplingConfig(length=40), [rule])[0]
    assert set(text) == {"b", "c"}


def count_choices(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """No more than `most` choices are made, or the test fails."""
    left, choose = iter(range(most)), backtracking.Chooser.choose
    monkeypatch.setattr(
        backtracking.Chooser,
        "choose",
        lambda self, *args: pytest.fail("too many") if next(left, None) is None else choose(self, *args),
    )


def test_likelier_ways_are_looked_for_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many texts reach the tenth position, and after each the only allowed id is unlikely."""
    monkeypatch.setattr(backtracking, "MIN_COUNTED_LENGTH", 10)
    count_choices(monkeypatch, backtracking.LIKELIER_CHOICES * 20 + 30)
    table = jnp.array([[0.495, 0.495, 0.01]] * 3)
    rule = Rule("abc", forbids=lambda text: "ab" if len(text) == 10 else "")
    text = generate_texts(Table(), {"table": table}, FEW, "a", SamplingConfig(length=20), [rule])[0]
    assert (len(text), text[10]) == (20, "c")


def test_rules_that_no_text_satisfies_are_refused_after_a_bounded_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backtracking, "MAX_CHOICES", 2)
    monkeypatch.setattr(backtracking, "MIN_COUNTED_LENGTH", 10)
    count_choices(monkeypatch, 81)
    rules = [Rule(ends=lambda _: False), Rule(name="another")]
    with pytest.raises(CharloopError) as refused:
        generate_texts(ELMAN, WEIGHTS, LETTERS, "a", SamplingConfig(length=30), rules)
    assert str(refused.value) == (
        "no text that satisfies the rule and another was found in 80 tries; the longest has 30 characters; "
        "allow more, or try another prompt, seed or temperature"
    )


def test_a_text_ends_with_a_line_or_stop_string_only_where_it_may() -> None:
    config = SamplingConfig(length=2000, lines=3)
    rule = Rule(ends=lambda text: text.endswith("a\n"))
    text = generate_texts(ELMAN, WEIGHTS, LETTERS, "a", config, [rule])[0]
    assert text.count("\n") == 3
    assert text.endswith("a\n")
    rule = Rule(ends=lambda text: text.endswith("h"))
    text = generate_texts(ELMAN, WEIGHTS, LETTERS, "a", SamplingConfig(length=2000, stop="cd"), [rule])[0]
    assert text.endswith("h")
    assert "cd" not in text
    assert len(text) < 2000


def test_the_unknown_symbol_is_not_among_what_is_left() -> None:
    folded = Letters("abc", unknown_id=2)
    rule = Rule("abc", forbids=lambda text: "a" if len(text) % 2 else "b")
    text = generate_texts(Steady((1, 1, 98)), {}, folded, "a", SamplingConfig(length=20), [rule])[0]
    assert text == "ab" * 10


def test_the_first_of_several_texts_is_the_one_that_is_written_alone() -> None:
    rule = Rule(forbids=lambda text: text[-1:])
    three = generate_texts(ELMAN, WEIGHTS, LETTERS, "a", SamplingConfig(length=40, num_samples=3), [rule])
    one = generate_texts(ELMAN, WEIGHTS, LETTERS, "a", SamplingConfig(length=40), [rule])
    assert three[0] == one[0]
    assert len(set(three)) == 3
    assert all(a != b for text in three for a, b in itertools.pairwise(text))
