"""The text matches the pattern, as Python's `re` says, and no part of it is begun that cannot be completed."""

import contextlib
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ELMAN, WEIGHTS, Octets, Steady

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling import Pattern, SamplingConfig, generate_texts
from charloop.sampling.constraints import automaton
from choosing import slow

FEW = Vocabulary.of_text("aAb\n")
LETTERS = Vocabulary.of_text(" \nabcdefgh")


def test_a_pattern_is_read_in_the_unicode_form_that_the_network_knows() -> None:
    composed = Vocabulary.of_text("caf\u00e9\n")
    reader = StringReader(composed)
    rule = Pattern("\ufeff[e\u0301f]\r", composed, reader)
    assert rule.pattern == Pattern("[\u00e9f]\n", composed).pattern == "[\u00e9f]\n"
    assert Pattern("e\u0301", composed).pattern == "\u00e9"
    assert len(reader.notes) == 1


atoms = st.sampled_from(
    [
        "a",
        "A",
        "b",
        ".",
        r"\n",
        "[ab]",
        "[^a]",
        "[^A-Z]",
        r"\w",
        r"\S",
        r"[\s\d]",
        "(?i:a)",
        "(?s:.)",
        "[]b]",
        "[^]a]",
        r"[\]\-b]",
        "",
        r"\x61",
        r"\u0061",
        r"\101",
        r"\012",
        r"\N{LATIN SMALL LETTER A}",
        "(?#a comment)",
        "(?x: a | b # or\n)",
        "(?-i:a)",
        "(?ai-s:.)",
        "a{,1}",
        "a{,}",
        "b {2}",
        "a ?",
    ]
)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds(
            "({}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0}"])
        ),
    ),
    max_leaves=6,
)


def made(pattern: str) -> Pattern | None:
    """The rule, or None if nothing matches the pattern."""
    with contextlib.suppress(CharloopError):
        return Pattern(pattern, FEW)
    return None


@settings(max_examples=300, deadline=None)
@given(patterns, st.text("aAb\n", max_size=5), st.sampled_from(["", "(?i)", "(?s)", "(?x)", "(?i)(?s)", "^"]))
def test_a_text_may_end_where_re_matches_it(pattern: str, text: str, flags: str) -> None:
    """Symbol by symbol: what is not allowed leads to no match."""
    pattern = flags + pattern
    every = [""] + [text[:end] for end in range(1, len(text) + 1)]
    rule = made(pattern)
    if rule is None:
        assert not any(re.fullmatch(pattern, beginning) for beginning in every)
        return
    state = rule.start(FEW.encode(""))
    for beginning, index in zip(every, [*FEW.encode(text).tolist(), None], strict=True):
        assert rule.may_end(state) == bool(re.fullmatch(pattern, beginning))
        if index is None:
            return
        if not rule.allowed(state, 10**9)[index]:
            assert not any(re.fullmatch(pattern, longer) for longer in every if len(longer) > len(beginning))
            return
        state = rule.after(state, index)


def shortest(pattern: str, beginning: str, most: int) -> int | None:
    """Find by trying how many characters complete `beginning`."""
    ends = [""]
    for count in range(most + 1):
        if any(re.fullmatch(pattern, beginning + end) for end in ends):
            return count
        ends = [end + symbol for end in ends for symbol in FEW.symbols]
    return None


@settings(max_examples=100, deadline=None)
@given(patterns, st.text("aAb\n", max_size=2))
def test_only_what_can_be_finished_within_the_length_is_begun(pattern: str, beginning: str) -> None:
    rule = made(pattern)
    if rule is None:
        return
    state = rule.start(FEW.encode(""))
    for index in FEW.encode(beginning).tolist():
        if not rule.allowed(state, 10**9)[index]:
            return
        state = rule.after(state, index)
    for index, symbol in enumerate(FEW.symbols):
        rest = shortest(pattern, beginning + symbol, 2)
        for remaining in (1, 2, 3):
            assert rule.allowed(state, remaining)[index] == (rest is not None and rest < remaining)


PATTERNS = [
    r"[a-d]{3,9}\n",
    slow(r"(?s).*hgf"),
    r"(ab|cd)+ [^\n]{2,200}",
    r"^(?:[a-h]+[ \n]){5}h$",
    r"a?",
    r"(a|b)*a(a|b){30}",
    r".{100}",
    r"\w+?(\s\w+){0,3}",
    r"(?P<one>a|b){9}(?P<two>[^\W\d]+) \Z",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_the_whole_of_what_is_written_matches(pattern: str, seed: int) -> None:
    config = SamplingConfig(length=100, seed=seed, num_samples=2, temperature=0.5 + seed)
    rule = Pattern(pattern, LETTERS)
    for text in generate_texts(ELMAN, ELMAN.init(seed), LETTERS, "ab", config, [rule]):
        assert re.fullmatch(pattern, text), text
        assert len(text) <= 100


def test_a_text_continues_until_nothing_may_follow() -> None:
    for pattern, expected in ((r"a{2,5}", 5), (r"a+", 40), (r"a{3}|a{7}", 7), ("", 0), ("(a{11})+", 33)):
        rule = Pattern(pattern, LETTERS)
        assert generate_texts(ELMAN, WEIGHTS, LETTERS, "", SamplingConfig(length=40), [rule]) == [
            "a" * expected
        ]


def test_lines_and_stop_strings_end_it_only_where_it_matches() -> None:
    rule = Pattern(r"(?:[a-h ]*\n){2}[a-h]+c", LETTERS)
    text = generate_texts(ELMAN, WEIGHTS, LETTERS, "", SamplingConfig(length=90, lines=3, stop="ab"), [rule])[
        0
    ]
    assert re.fullmatch(rule.pattern, text)
    assert text.count("\n") == 2


def test_of_bytes_it_is_a_pattern_of_bytes() -> None:
    octets = Vocabulary.of_bytes()
    weights = tuple([1] * 256)
    for pattern in ("é[a-c]{2}→", r"\xff\d{3}", "(?s).{9}", "[^a]{5}b"):
        rule = Pattern(pattern, octets)
        ids = []
        state = rule.start(octets.encode(""))
        while not rule.is_over(state, 40):
            ids.append(int(rule.allowed(state, 40).nonzero()[0][-1]))
            state = rule.after(state, ids[-1])
        assert re.fullmatch(pattern.encode(), bytes(ids))
    text = generate_texts(
        Steady(weights), {}, Octets(), "", SamplingConfig(length=9), [Pattern("é[a-c]{2}→", octets)]
    )
    assert re.fullmatch("é[a-c]{2}→", text[0])


REFUSALS = {
    "(": "does not compile (missing )",
    "a{2,1}": "does not compile",
    r"a\bb": r"has ^, $ or \b inside",
    "a$b": "has ^, $ or",
    "$a": "has ^, $ or",
    "(^a)": "has ^, $ or",
    "(?=a)a": "has a look-around",
    "(?<!a)b": "has a look-around",
    r"(a)\1": "has a back reference",
    "(a)?(?(1)b|a)": "has a conditional",
    "(?>a)b": "has an atomic group",
    "a*+": "has a possessive repeat",
    "(" * 5000 + "a" + ")" * 5000: "does not compile",
    "X": "no text of the network's characters matches the pattern 'X'",
    "a(X|[^a-hA-Z\\s])": "no text of the network's characters",
}


@pytest.mark.parametrize(("pattern", "said"), REFUSALS.items(), ids=range(len(REFUSALS)))
def test_what_is_not_a_pattern_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(CharloopError) as refused:
        Pattern(pattern, LETTERS)
    assert said in str(refused.value).replace("\\\\", "\\")


def test_a_pattern_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automaton, "MAX_STATES", 1000)
    with pytest.raises(CharloopError, match="has more than 1,000 states; repeat less"):
        Pattern("(a{1000}){1000}", LETTERS)
    assert Pattern("a{400}", LETTERS).start(LETTERS.encode(""))


def test_a_billion_repeats_of_nothing_are_compiled_at_once() -> None:
    assert Pattern("(){1000000000}a(){0,1000000000}", LETTERS).start(LETTERS.encode(""))


def test_a_length_that_is_too_short_is_refused_at_once() -> None:
    rule = Pattern("[a-d]{30}|[e-h]{20,}", LETTERS)
    with pytest.raises(CharloopError, match=r"length of a text that matches .*: got 19; allowed: 20 or more"):
        generate_texts(ELMAN, WEIGHTS, LETTERS, "", SamplingConfig(length=19), [rule])
    assert len(generate_texts(ELMAN, WEIGHTS, LETTERS, "", SamplingConfig(length=20), [rule])[0]) == 20


def test_the_unknown_symbol_is_not_a_character_of_a_pattern() -> None:
    folded = Vocabulary(tuple(sorted(string.ascii_lowercase)), min_count=2)
    rule = Pattern("(?s)..", folded)
    assert rule.allowed(rule.start(folded.encode("")), 2).tolist() == [True] * 26 + [False]
