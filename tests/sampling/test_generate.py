"""Text: what follows a prompt, whole and as it comes, and where it ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Elman, Letters, Octets, Script, Steady

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate_texts, stream_text
from charloop.sampling.compiled_loop import BLOCK
from charloop.sampling.generate import STREAM_BLOCK
from charloop.sampling.prompt import NO_BEGINNING, prepend_beginning
from choosing import slow
from refusing import refused

NEVER_ENDING = 2**31 - 1


def elman_text(prompt: str = "abc", **settings: Any) -> list[str]:
    return generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, SamplingConfig(**{"length": 50, **settings}))


def test_length_counts_new_characters_and_the_prompt_is_not_given_back() -> None:
    script = Script.of("hgfedcba")
    config = SamplingConfig(length=11, temperature=0.0)
    assert generate_texts(*script, LETTERS, "abcabcabc", config) == ["hgfedcbahgf"]
    assert len(generate_texts(*script, LETTERS)[0]) == 500


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.0},
        {"temperature": 0.7, "top_k": 4, "top_p": 0.9, "min_p": 0.05},
        {"mode": "words", "temperature": 2.0},
        {"stop": "a", "seed": 3},
        {"lines": 2},
    ],
)
def test_a_stream_is_the_generated_text_in_pieces(settings: dict[str, Any]) -> None:
    config = SamplingConfig(length=100, **settings)
    pieces = list(stream_text(ELMAN, WEIGHTS, LETTERS, "abc", config))
    assert ["".join(pieces)] == generate_texts(ELMAN, WEIGHTS, LETTERS, "abc", config)
    assert all(pieces)


def test_a_stream_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.sampling.compiled_loop.SMOOTH_SECONDS", 0.0)
    pieces = stream_text(*Script.of("abc"), LETTERS, "", SamplingConfig(length=NEVER_ENDING))
    assert [len(next(pieces)) for _ in range(3)] == [STREAM_BLOCK] * 3


@settings(max_examples=60)
@given(st.text("ab", min_size=1, max_size=4), st.integers(0, 2 * STREAM_BLOCK), st.booleans())
def test_a_stop_string_may_lie_anywhere_across_pieces(stop: str, before: int, in_pieces: bool) -> None:
    text = ("c" * before + stop).ljust(3 * STREAM_BLOCK, "d")
    config = SamplingConfig(length=len(text), stop=stop)
    write = stream_text if in_pieces else generate_texts
    assert "".join(write(*Script.of(text), LETTERS, "", config)) == "c" * before


@pytest.mark.parametrize("stops", [("cc", "abc"), ["abc", "cc"]])
def test_of_several_stop_strings_the_earliest_counts(stops: Any) -> None:
    config = SamplingConfig(length=9, stop=stops)
    assert generate_texts(*Script.of("daabccddd"), LETTERS, "", config) == ["da"]


@pytest.mark.parametrize("documents", ["", "line"])
def test_lines_are_refused_where_the_vocabulary_has_no_newline(documents: str) -> None:
    vocabulary = Vocabulary(tuple("abc"), documents=documents)
    for write in (generate_texts, stream_text):
        with refused("this network knows no newline", do="--documents" if documents else "--length"):
            write(*Script.of("abc"), vocabulary, "", SamplingConfig(length=9, lines=1))


def test_the_beginning_of_a_stop_string_is_written_if_the_rest_does_not_follow() -> None:
    text = "c" * (STREAM_BLOCK - 1) + "ab" + "ab"
    config = SamplingConfig(length=len(text), stop="abc")
    assert "".join(stream_text(*Script.of(text), LETTERS, "", config)) == text


def test_each_sample_ends_by_itself_and_writing_ends_with_the_last() -> None:
    script = Script.of("aa\nbb\ncc\n", "aaa  bbb\n", "habaheebb")
    config = SamplingConfig(length=NEVER_ENDING, num_samples=3, lines=2, stop="eebb")
    assert generate_texts(*script, LETTERS, "", config) == ["aa\nbb\n", "aaa  bbb\naaa  bbb\n", "habah"]


def test_a_sample_may_end_many_blocks_after_another() -> None:
    early, late = ("a\n").ljust(2 * BLOCK, "c"), "b" * (2 * BLOCK - 1) + "\n"
    config = SamplingConfig(length=NEVER_ENDING, num_samples=2, lines=1)
    assert generate_texts(*Script.of(early, late), LETTERS, "", config) == ["a\n", late]


def test_a_prompt_does_not_count_for_the_ending() -> None:
    config = SamplingConfig(length=8, stop="ab", lines=1)
    assert generate_texts(*Script.of("bcdefgh"), LETTERS, "cd\na", config) == ["bcdefghb"]


def test_without_a_prompt_a_line_has_just_ended() -> None:
    assert elman_text("") == elman_text("\n")
    assert elman_text("") != elman_text("a")
    nothing = np.zeros(0, np.int32)
    for symbols, expected in (("ab \t", 2), ("ab", 0)):
        assert prepend_beginning(Letters(symbols), nothing, NO_BEGINNING, "error").tolist() == [expected]


def test_unknown_characters_of_a_prompt_are_refused_or_skipped() -> None:
    for write in (generate_texts, stream_text):
        with pytest.raises(CharloopError, match="unknown"):
            write(Elman(), {}, LETTERS, "aXb")
    assert elman_text("XaXbX", unknown="skip") == elman_text("ab")
    assert elman_text("XX", unknown="skip") == elman_text("")


WAYS = [
    {},
    {"temperature": 0.0},
    slow({"temperature": 50.0}),
    {"mode": "words"},
    {"top_k": 1},
    slow({"top_k": 3}),
    {"top_p": 1e-9},
    slow({"top_p": 0.9}),
    slow({"min_p": 0.0}),
    {"min_p": 1.0},
    {"temperature": 2.0, "top_k": 9, "top_p": 0.99, "min_p": 0.001, "mode": "words"},
]


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_the_unknown_symbol_is_never_written_however_likely_it_is(settings: dict[str, Any]) -> None:
    """`h`, which the network prefers to all others, plays the unknown symbol; otherwise it is written."""
    weights = [1] * (len(ALPHABET) - 1) + [10**6]
    folded, config = Letters(unknown_id=ALPHABET.index("h")), SamplingConfig(length=300, **settings)
    for write in (generate_texts, stream_text):
        assert "h" in "".join(write(Steady(tuple(weights)), {}, LETTERS, "h", config))
        text = "".join(write(Steady(tuple(weights)), {}, folded, "h", config))
        assert len(text) == 300
        assert "h" not in text


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_without_the_unknown_symbol_the_others_keep_their_probabilities(data: st.DataObject) -> None:
    """With the unknown symbol forbidden, draws equal those of a network without it."""
    weights = data.draw(st.lists(st.integers(1, 50), min_size=len(ALPHABET) - 1, max_size=len(ALPHABET) - 1))
    config = SamplingConfig(length=50, seed=data.draw(st.integers(0, 99)))
    folded = Letters(unknown_id=len(ALPHABET) - 1)
    with_unknown = generate_texts(
        Steady((*weights, data.draw(st.integers(1, 10**6)))), {}, folded, "", config
    )
    assert with_unknown == generate_texts(Steady(tuple(weights)), {}, Letters(ALPHABET[:-1]), "", config)


def test_the_first_of_several_samples_is_the_one_that_is_written_alone() -> None:
    assert elman_text(num_samples=3)[:1] == elman_text()
    assert len(set(elman_text(num_samples=3))) == 3


def test_each_setting_changes_the_text_and_greedy_needs_no_seed() -> None:
    texts = [
        elman_text(**settings)[0] for settings in ({}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.3})
    ]
    texts += [elman_text(**settings)[0] for settings in ({"min_p": 0.5}, {"mode": "words"}, {"seed": 1})]
    assert len(set(texts)) == len(texts)
    assert elman_text(temperature=0.0, seed=1) == elman_text(temperature=0.0, seed=2)


def test_numbers_that_change_do_not_compile_again() -> None:
    model = Elman()
    for temperature, top_p, seed, length in ((1.0, 0.5, 0, 20), (0.5, 0.9, 1, 600), (2.0, 0.1, 2, 33)):
        config = SamplingConfig(temperature=temperature, top_p=top_p, seed=seed, length=length)
        generate_texts(model, model.init(), LETTERS, "a", config)
        list(stream_text(model, model.init(), LETTERS, "b", config))
    assert model.traces == [1]


def test_a_stream_is_of_one_sample() -> None:
    with pytest.raises(CharloopError, match="got 2; allowed: 1"):
        stream_text(Elman(), {}, LETTERS, "", SamplingConfig(num_samples=2))


def test_bytes_of_one_character_may_come_in_two_pieces() -> None:
    text = "x" * (STREAM_BLOCK - 1) + "é→"
    octets = Octets()
    ids = octets.encode(text)
    script = Script(256), {"texts": jnp.array(ids)[None]}
    whole = SamplingConfig(length=len(ids))
    assert list(stream_text(*script, octets, "é", whole)) == ["x" * (STREAM_BLOCK - 1), "é→"]
    assert generate_texts(*script, octets, "é", SamplingConfig(length=len(ids) - 1)) == [text[:-1] + "�"]
    stopped = SamplingConfig(length=len(ids), stop="→", mode="words")
    assert generate_texts(*script, octets, "é", stopped) == [text[:-1]]


IN_ANOTHER_PROCESS = """
from sampling_fakes import Elman, Letters
from charloop.sampling import SamplingConfig, generate_texts
model = Elman()
print(repr(generate_texts(model, model.init(), Letters(), "abc", SamplingConfig(length=200, num_samples=2, seed=9))))
"""


@pytest.mark.slow
def test_same_seed_same_text_in_another_process() -> None:
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    other = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert other.strip() == repr(elman_text(length=200, num_samples=2, seed=9))


def test_the_settings_alone_do_not_import_jax() -> None:
    look = "import sys; from charloop.sampling import SamplingConfig; print('jax' in sys.modules)"
    look += "; import charloop.sampling as package; print(all(getattr(package, name) for name in package.__all__))"
    output = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True).stdout
    assert output.split() == ["False", "True"]


REFUSALS = [
    ("temperature=-1", "temperature: got -1; allowed: `float` >= 0"),
    ("temperature=float('nan')", "temperature: got nan"),
    ("temperature=(1, -1)", "temperature: got (1, -1); allowed: `float` >= 0"),
    ("temperature=(1, 2, 3)", "temperature: got (1, 2, 3); allowed: one number or two"),
    ("length=0", "length: got 0; allowed: `int` >= 1"),
    ("length=1.5", "length: got 1.5; allowed: `int`"),
    ("top_k=-1", "top_k: got -1; allowed: `int` >= 0"),
    ("top_p=0", "top_p: got 0; allowed: `float` > 0"),
    ("top_p=1.01", "top_p: got 1.01; allowed: `float` <= 1"),
    ("min_p=-0.1", "min_p: got -0.1; allowed: `float` >= 0"),
    ("num_samples=0", "num_samples: got 0; allowed: `int` >= 1"),
    ("seed=-1", "seed: got -1; allowed: `int` >= 0"),
    ("seed=2**32", "seed: got 4294967296; allowed: `int` <= 4294967295"),
    ("stop=''", "stop: got ''; allowed: `str` of length >= 1"),
    ("forbid=''", "forbid: got ''; allowed: `str` of length >= 1"),
    ("bias={'e': 1e9}", "bias: got {'e': 1000000000.0}; allowed: `float` <= 1000"),
    ("bias={'ee': 1}", "bias: got {'ee': 1}; allowed: `str` of length <= 1"),
    ("stop=('a', '')", "stop: got ''; allowed: `str` of length >= 1"),
    ("lines=0", "lines: got 0; allowed: `int` >= 1"),
    ("mode='word'", "unknown mode: got 'word'; allowed: always, words; did you mean 'words'?"),
    ("unknown='ignore'", "unknown unknown"),
    ("temperature=2, top_p=1, min_p=0, stop=None", "fine"),
]
REFUSE = """
import sys
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig
for settings in sys.argv[1:]:
    try:
        eval(f"SamplingConfig({settings})")
        print("fine")
    except CharloopError as error:
        print(error)
"""


def test_settings_out_of_range_are_refused() -> None:
    """In a process of its own, where no type checker sees a wrong type first."""
    command = [sys.executable, "-c", REFUSE, *(settings for settings, _ in REFUSALS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(said) == len(REFUSALS)
    for line, (_, message) in zip(said, REFUSALS, strict=True):
        assert line.startswith(message)


def test_the_alphabet_of_the_fakes_has_the_whitespace_that_words_need() -> None:
    assert np.array([letter.isspace() for letter in ALPHABET]).sum() == 2
