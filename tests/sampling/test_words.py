"""Only words of the list are written, whole."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import Elman

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling import Pattern, SamplingConfig, Words, generate_texts
from charloop.sampling.constraints import words as module

SYMBOLS = "aABb '\n8"
VOCABULARY = Vocabulary.of_text(SYMBOLS)
ELMAN = Elman(vocab=len(SYMBOLS))


def forms(word: str) -> set[str]:
    """The slow twin of the spelling: a lower-case word may also be capitalised or in capitals."""
    return (
        {word, word.upper(), word[0].upper() + word[1:]} if word.islower() or not word.isalpha() else {word}
    )


def splits(text: str, words: list[str]) -> bool:
    """Find by trying whether `text` consists of words and characters that are not letters, in turns."""
    spelled = sorted({form for word in words for form in (forms(word) if word == word.lower() else {word})})
    one = "|".join(map(re.escape, spelled))
    return bool(re.fullmatch(rf"(?:[^aAbB]|(?<![aAbB])(?:{one})(?![aAbB]))*", text))


def test_words_are_read_in_the_unicode_form_that_the_network_knows() -> None:
    known = Vocabulary.of_text("cafe\u0301 \n")
    rule = Words.of(["\ufeffcaf\u00e9", "fe\r"], known)
    assert rule.children == Words.of(["cafe\u0301", "fe\n"], known).children
    composed = Vocabulary.of_text("caf\u00e9 \n")
    reader = StringReader(composed)
    assert Words.of(["cafe\u0301"], composed, reader).children == Words.of(["caf\u00e9"], composed).children
    assert len(reader.notes) == 1


lists = st.lists(
    st.text("aAbB'", min_size=1, max_size=4).filter(lambda word: word.strip("'")), min_size=1, max_size=4
)


@settings(max_examples=12, deadline=None)
@given(lists, st.integers(0, 30), st.sampled_from(["", "8", "'"]), st.sampled_from([0.0, 1.0, 3.0]))
def test_only_words_of_the_list_are_written(
    words: list[str], seed: int, prompt: str, temperature: float
) -> None:
    config = SamplingConfig(length=30, seed=seed, temperature=temperature)
    rule = Words.of(words, VOCABULARY)
    text = generate_texts(ELMAN, ELMAN.init(seed), VOCABULARY, prompt, config, [rule])[0]
    assert len(text) == 30
    assert splits(prompt + text, words), (text, words)


@settings(max_examples=100, deadline=None)
@given(lists, st.text(SYMBOLS, max_size=6))
def test_every_text_of_words_of_the_list_is_allowed(words: list[str], text: str) -> None:
    """Symbol by symbol: a text is allowed, and may end, exactly if it consists of words."""
    rule = Words.of(words, VOCABULARY)
    state = rule.start(VOCABULARY.encode(""))
    for index in VOCABULARY.encode(text).tolist():
        if not rule.allowed(state, 99)[index]:
            assert not splits(text, words)
            return
        state = rule.after(state, index)
    assert rule.may_end(state) == splits(text, words)


def follows(rule: Words, prompt: str, remaining: int = 99) -> str:
    """Return the symbols that may follow `prompt`."""
    allowed = rule.allowed(rule.start(VOCABULARY.encode(prompt)), remaining)
    return "".join(symbol for symbol, yes in zip(VOCABULARY.symbols, allowed, strict=True) if yes)


def test_a_word_that_the_prompt_began_continues_or_ends() -> None:
    rule = Words.of(["abba", "ba"], VOCABULARY)
    free = "\n '8"
    assert follows(rule, "") == follows(rule, "8 ") == free + "ABab"
    assert follows(rule, "ab") == free + "b", "half of a word of the list"
    assert follows(rule, "bab") == follows(rule, "aab") == free, "no word of the list: it ends"
    assert follows(rule, "ba") == free, "a whole one"
    assert follows(rule, "aab abb") == free + "a"


def test_no_word_is_begun_that_cannot_be_finished() -> None:
    rule = Words.of(["abba", "ba"], VOCABULARY)
    assert follows(rule, " ", 1) == "\n '8"
    assert follows(rule, " ", 2) == "\n '8Bb"
    assert follows(rule, " ", 3) == "\n '8Bb"
    assert follows(rule, " ", 4) == "\n '8ABab"


def test_words_of_a_list_that_match_a_pattern() -> None:
    rules = [Words.of(["ab", "bab"], VOCABULARY), Pattern(r"([^\W8]+ ){3}[^\W8]+'", VOCABULARY)]
    text = generate_texts(ELMAN, ELMAN.init(), VOCABULARY, "", SamplingConfig(length=40), rules)[0]
    assert re.fullmatch(r"((?i:ab|bab) ){3}(?i:ab|bab)'", text), text


def test_a_list_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for empty in ([], [""]):
        with pytest.raises(CharloopError, match="the list of words is empty; give at least one word"):
            Words.of(empty, VOCABULARY)
    with pytest.raises(CharloopError) as refused:
        Words.of(["ab", "zoo", "äb"], VOCABULARY)
    assert str(refused.value) == (
        "words of the list with characters that the network does not know: 2, the first 'zoo' with 'z'; "
        "remove them from the list"
    )
    with pytest.raises(CharloopError, match="got 'a network of bytes'"):
        Words.of(["ab"], Vocabulary.of_bytes())
    monkeypatch.setattr(module, "MAX_TREE_NODES", 5)
    with pytest.raises(CharloopError, match="the list of words is too long"):
        Words.of(["ab", "ba", "aa", "bb"], VOCABULARY)


def test_a_form_that_the_network_cannot_spell_is_left_out() -> None:
    small = Vocabulary.of_text("ab ")
    rule = Words.of(["ab"], small)
    assert rule.allowed(rule.start(small.encode("")), 9).tolist() == [True, True, False]


def test_the_unknown_symbol_is_not_a_letter() -> None:
    folded = Vocabulary(("a", "b"), min_count=2)
    rule = Words.of(["ab"], folded)
    assert rule.letters.tolist() == [True, True, False]
    assert rule.allowed(rule.start(folded.encode("x")), 9).tolist() == [True, False, True]
