"""A session writes what `generate_texts` writes, however its text is cut into pieces, copied or rewound."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, KNOWN, LETTERS, WEIGHTS, begin_session
from test_backtracking import Rule

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling import NoRepeat, SamplingConfig, generate_texts
from charloop.sampling.compiled_loop import BLOCK
from charloop.sampling.prompt import NO_BEGINNING, Beginning
from charloop.sessions import Session
from charloop.sessions.mark import History
from choosing import slow

LINES = Vocabulary(KNOWN.symbols[:9], documents="line")
"""The last token of the model ends a document."""
CUTS = st.lists(st.integers(0, 70), min_size=1, max_size=5)
FREE = generate_texts(ELMAN, WEIGHTS, LETTERS, "abc", SamplingConfig(length=500, seed=3))[0]

STOPS = st.one_of(
    st.text("\n abcdefgh", min_size=1, max_size=3),
    st.tuples(st.integers(5, 80), st.integers(2, 5)).map(lambda part: FREE[part[0] : sum(part)]),
)
"""Some stand in the text; pieces may be cut within them."""


def whole(prompt: str, length: int, *rules: Any, vocabulary: Any = KNOWN, **config: Any) -> str:
    return generate_texts(ELMAN, WEIGHTS, vocabulary, prompt, SamplingConfig(length=length, **config), rules)[
        0
    ]


@settings(max_examples=30, deadline=None)
@given(
    CUTS, st.sampled_from([{}, {"temperature": 0.0}, {"temperature": (0.4, 2.0), "top_k": 3}]), st.booleans()
)
def test_writing_in_pieces_is_writing_at_once(cuts: list[int], config: dict[str, Any], streams: bool) -> None:
    length = max(1, sum(cuts))
    session = begin_session("a", length=length, seed=7, **config)
    session.read("")
    session.read("bc")
    write = (lambda count: "".join(session.stream(count))) if streams else session.write
    written = [write(count) for count in cuts]
    assert [len(piece) for piece in written] == cuts
    assert "".join(written) == whole("abc", length, seed=7, **config)[: sum(cuts)]
    assert session.text == "abc" + "".join(written)
    assert session.position == sum(cuts)


def pieces_twin(cuts: list[int], stops: tuple[str, ...], lines: int | None) -> list[str]:
    """One character after the other: a stop string may begin in an earlier piece, which keeps its part of it."""
    pieces, start = [], 0
    for count in cuts:
        end = start + count
        for here in range(start + 1, start + count + 1):
            found = [stop for stop in stops if FREE[:here].endswith(stop)]
            if found:
                end = max(start, here - max(map(len, found)))
                break
            if lines and FREE[start:here].count("\n") == lines:
                end = here
                break
        pieces.append(FREE[start:end])
        start = end
    return pieces


@settings(max_examples=50, deadline=None)
@given(CUTS, st.lists(STOPS, max_size=3), st.sampled_from([None, 1, 2]))
def test_where_a_piece_ends(cuts: list[int], stops: list[str], lines: int | None) -> None:
    session = begin_session("abc", seed=3)
    expected = pieces_twin(cuts, tuple(stops), lines)
    for count, piece in zip(cuts, expected, strict=True):
        assert session.write(count, stop=tuple(stops), lines=lines) == piece
        assert session.ended is (len(piece) < count)
    assert session.text == "abc" + "".join(expected)


def test_a_stop_string_of_the_session_and_one_of_the_call() -> None:
    stop = FREE[20:22]
    session = begin_session("abc", seed=3, stop=stop, lines=None)
    first = session.write(100)
    assert first == FREE[: FREE.index(stop)]
    assert session.ended
    assert session.write(100) == ""
    assert first + session.write(50, stop=()) == FREE[: len(first) + 50]
    assert not session.ended
    longer = "".join(begin_session("abc", seed=3).stream(400, stop=FREE[100:104]))
    assert longer == FREE[: FREE.index(FREE[100:104])]


def test_a_stream_may_be_left_after_any_piece() -> None:
    """Also where the last character of a block may begin a stop string, and is held back."""
    session, stop, seen = begin_session("abc", seed=3), FREE[31] + "hhhh", ""
    assert stop not in FREE
    for piece in session.stream(400, stop=stop):
        seen += piece
        assert session.text == "abc" + seen
        assert session.copy().write(9) == FREE[len(seen) : len(seen) + 9]
        assert len(seen) == 31 or len(seen) > 32
    assert seen == FREE[:400]
    assert list(begin_session("abc").stream(0)) == []


def test_a_text_that_was_held_back_from_block_to_block_leaves_the_session_at_its_end() -> None:
    """What is shown at once may then be longer than a block of the compiled program."""
    text = whole("abc", 2 * BLOCK + 20, seed=3)
    held = text[BLOCK - 8 : BLOCK]
    never = held + next(letter for letter in ALPHABET if held + letter not in text)
    stop = text[2 * BLOCK - 2 : 2 * BLOCK + 12]
    session = begin_session("abc", seed=3)
    written = session.write(2 * BLOCK + 20, stop=(never, stop))
    assert written == text[: 2 * BLOCK - 2] == session.text[3:]
    assert session.position == len(written)
    assert session.write(22) == text[len(written) :]


def test_a_session_changed_under_a_stream_is_refused() -> None:
    session = begin_session("abc", seed=3)
    stream = session.stream(200)
    next(stream)
    session.read("a")
    with pytest.raises(CharloopError, match="changed before its stream ended; use the stream first"):
        next(stream)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.text("abc ", max_size=3)),
        st.tuples(st.just("write"), st.integers(0, 20)),
        st.tuples(st.sampled_from(["mark", "rewind", "copy", "next", "settle"]), st.integers(0, 5)),
    ),
    max_size=14,
)


def replay(acts: list[tuple[str, Any]]) -> Session:
    session = begin_session(seed=5)
    for act, what in acts:
        getattr(session, act)(*[what][act == "settle" :])
    return session


@settings(max_examples=40, deadline=None)
@given(ACTS)
def test_a_place_is_what_was_read_and_written_before_it(acts: list[tuple[str, Any]]) -> None:
    """However often the session was rewound, copied or asked for what comes next."""
    session, done = begin_session(seed=5), list[tuple[str, Any]]()
    marks = [(session.mark(), [*done])]
    for act, what in acts:
        if act in ("read", "write"):
            getattr(session, act)(what)
            done.append((act, what))
        elif act == "settle" and not session.text:
            # The network reads what stands before a text, which may depend on what the text begins with.
            session.settle()
            done.append((act, what))
        elif act == "mark":
            marks.append((session.mark(), [*done]))
        elif act == "rewind":
            mark, done = marks[what % len(marks)]
            session.rewind(mark)
            done = [*done]
        elif act == "copy":
            left, session = session, session.copy()
            left.read("cab")
            left.write(3)
        else:
            getattr(session, act)()
    alone = replay(done)
    assert session.text == alone.text
    probabilities = alone.next().probabilities
    np.testing.assert_allclose(session.next().probabilities, probabilities, rtol=1e-5, atol=1e-7)
    assert session.write(12) == alone.write(12)


def test_the_prompt_is_read_as_by_generate_after_a_beginning() -> None:
    """A prefix that the prompt begins with itself is read once, also if the prompt comes in pieces."""
    beginning = Beginning("\n\n")
    for prompt in ("", "\n", "\n\nab", "ab"):
        config = SamplingConfig(length=30, seed=2)
        expected = generate_texts(ELMAN, WEIGHTS, KNOWN, prompt, config, beginning=beginning)[0]
        session = begin_session("", beginning=beginning, seed=2)
        start = session.mark()
        for letter in prompt:
            session.read(letter)
        assert session.write(30) == expected
        session.rewind(start)
        assert session.next().probabilities.sum() == pytest.approx(1)
        session.read(prompt)
        assert session.write(30) == expected


def test_samples_and_seeds() -> None:
    config = SamplingConfig(length=40, num_samples=3, seed=4)
    expected = generate_texts(ELMAN, WEIGHTS, KNOWN, "ab", config)
    session = begin_session("ab", seed=4)
    start = session.mark()
    for number, text in enumerate(expected):
        session.rewind(start)
        session.change(sample=number)
        assert session.write(40) == text
    other = begin_session("ab", seed=9)
    session.rewind(start)
    session.change(sample=0, seed=9, temperature=0.5)
    other.change(temperature=0.5)
    assert session.write(40) == other.write(40)
    assert session.write(40) != whole("ab", 40, seed=9)


def test_copies_have_settings_of_their_own() -> None:
    session = begin_session("ab", seed=1)
    fork = session.copy()
    fork.change(temperature=0.0)
    assert session.config.temperature == 1
    assert session.write(30) == whole("ab", 30, seed=1)
    assert fork.write(30) == whole("ab", 30, temperature=0.0)


def test_constraints_see_what_was_read_and_written() -> None:
    rules = [NoRepeat(3, KNOWN.size)]
    session = begin_session("abcabd", seed=2)
    first = session.write(60, constraints=rules)
    assert first == whole("abcabd", 60, *rules, seed=2)
    assert session.position == 60
    text = session.text + session.write(60, constraints=rules)
    assert text == session.text
    windows = [text[at : at + 3] for at in range(len(text) - 2)]
    assert len(set(windows[1:])) == len(windows) - 1
    free = begin_session("abcabd", seed=2)
    assert free.write(60, constraints=[Rule()]) == begin_session("abcabd", seed=2).write(60)
    np.testing.assert_allclose(
        free.next().probabilities, begin_session(free.text).next().probabilities, rtol=1e-4
    )


def test_under_constraints_a_stop_string_may_begin_in_an_earlier_piece() -> None:
    stop = FREE[9:12]
    assert FREE.index(stop) == 9
    session = begin_session("abc", seed=3)
    assert session.write(11, constraints=[Rule()]) == FREE[:11]
    assert session.write(11, stop=stop, constraints=[Rule()]) == ""
    assert session.ended


def test_a_context_is_seen_by_constraints_and_is_no_part_of_the_text() -> None:
    beginning = Beginning("abcd", is_context=True)
    config = SamplingConfig(length=50)
    rules = [NoRepeat(2, KNOWN.size)]
    expected = generate_texts(ELMAN, WEIGHTS, KNOWN, "e", config, rules, beginning=beginning)[0]
    session = begin_session("e", beginning=beginning)
    assert session.write(50, constraints=rules) == expected
    assert session.text == "e" + expected


@pytest.mark.parametrize("window", [0, 3, 30])
def test_a_repetition_penalty_counts_context_and_text(window: int) -> None:
    beginning = Beginning("abcddcba", is_context=True)
    settings: dict[str, Any] = {"repetition_penalty": 3.0, "repetition_window": window, "seed": 2}
    config = SamplingConfig(length=40, **settings)
    (expected,) = generate_texts(ELMAN, WEIGHTS, KNOWN, "ef", config, beginning=beginning)
    session = begin_session("ef", beginning=beginning, **settings)
    assert session.write(1) + session.write(4) + session.write(35) == expected


def test_documents_end_where_the_network_ends_them() -> None:
    session = begin_session("ab", LINES, Beginning(start=(9,)), seed=1)
    first = session.write(400)
    assert session.ended
    config = SamplingConfig(length=400, seed=1)
    beginning = Beginning(start=(9,))
    assert first == generate_texts(ELMAN, WEIGHTS, LINES, "ab", config, beginning=beginning)[0]
    assert session.write(400) == session.write(1) == ""
    assert session.next().symbols[9] == ""
    session.begin_document()
    session.read("c")
    assert session.text == f"ab{first}\nc"
    assert 9 in session.write_ids(200)
    with pytest.raises(CharloopError, match="trained on one text, not on documents"):
        begin_session().begin_document()


@pytest.mark.parametrize(
    ("unit", "rules"),
    [("document", (Rule(),)), slow(("document", ())), slow(("stop", ())), slow(("stop", (Rule(),)))],
)
def test_a_text_after_another_is_drawn_anew(unit: str, rules: tuple[Rule, ...]) -> None:
    """The choice that ended a text, also an empty one, says nothing on how the next begins."""
    empty, expected, stop = 0, 0.0, "h" if unit == "stop" else ()
    for seed in range(200):
        known, before = (KNOWN, NO_BEGINNING) if unit == "stop" else (LINES, Beginning(start=(9,)))
        session = begin_session("b", known, before, seed=seed, temperature=9.0)
        session.write(3, stop=stop, constraints=rules)
        if session.ended:
            session.begin_document() if unit == "document" else session.read("h")
            expected += session.next().draw_probabilities[9]
            empty += session.write(1, stop=stop, constraints=rules) == ""
    assert expected > 3
    assert abs(empty - expected) < 4 * expected**0.5


def test_next_is_the_distribution_of_what_is_written() -> None:
    session = begin_session("ab", temperature=0.5, top_k=4)
    found = session.next()
    assert session.text == "ab"
    assert found.symbols == tuple(ALPHABET)
    assert found.probabilities.sum() == pytest.approx(1)
    assert np.count_nonzero(found.draw_probabilities) == 4
    with pytest.raises(CharloopError, match="count: got -1"):
        found.likeliest(-1)
    likeliest = found.likeliest(3)
    assert likeliest == sorted(zip(ALPHABET, found.probabilities, strict=True), key=lambda pair: -pair[1])[:3]
    drawn = []
    for sample in range(100):
        fork = session.copy()
        fork.change(sample=sample)
        drawn.append(int(fork.write_ids(1)[0]))
    share = np.bincount(drawn, minlength=10) / 100
    np.testing.assert_allclose(share, found.draw_probabilities, atol=0.2)
    session.change(temperature=0.0)
    assert session.next().draw_probabilities.max() == 1
    assert begin_session("ab", Vocabulary(KNOWN.symbols[:9], min_count=2)).next().symbols[9] == "\ufffd"


def test_strings_are_read_by_the_same_rules_as_all_others() -> None:
    session = begin_session("\ufeffa\r\nb\rc")
    assert session.text == "a\nb\nc"
    with pytest.raises(CharloopError, match="'é'"):
        session.read("abé")
    assert session.text == "a\nb\nc"
    skipping = begin_session("", unknown="skip")
    skipping.read("xaéb")
    assert skipping.text == "ab"
    assert begin_session("abc", seed=3).write(400, stop="\r\n") == FREE[: FREE.index("\n")]


@pytest.mark.parametrize("length", [-1, 1.0, True, "5", 2**31])
def test_a_length_that_is_none(length: Any) -> None:
    session = begin_session("ab")
    for write in (session.write, session.stream, session.write_ids):
        with pytest.raises(CharloopError, match=r"length: got .* allowed: a whole number from 0"):
            write(length)


def test_what_is_refused() -> None:
    session = begin_session("ab")
    with pytest.raises(CharloopError, match="num_samples of a session: got 2"):
        begin_session("ab", num_samples=2)
    with pytest.raises(CharloopError, match="num_samples of a session: got 2"):
        session.change(num_samples=2)
    with pytest.raises(CharloopError, match="temperature: got -1"):
        session.change(temperature=-1.0)
    with pytest.raises(CharloopError, match=r"got 'temprature'.*did you mean 'temperature'"):
        session.change(temprature=1.0)
    with pytest.raises(CharloopError, match="sample: got -1"):
        session.change(sample=-1)
    with pytest.raises(CharloopError, match="stop: got ''"):
        session.write(3, stop="")
    with pytest.raises(CharloopError, match="this mark is of another session"):
        session.rewind(begin_session("ab").mark())
    with pytest.raises(CharloopError, match="outside the vocabulary"):
        session.read_ids([10])
    with pytest.raises(CharloopError, match="knows no newline"):
        begin_session("ab", Vocabulary.of_text("abcdefghij")).write(5, lines=1)
    assert session.text == "ab"
    assert session.write(20) == whole("ab", 20)


def test_two_sessions_in_two_threads() -> None:
    start = begin_session("abc", seed=3)
    sessions, found = [start, start.copy()], ["", ""]

    def write(number: int) -> None:
        for _ in range(40):
            found[number] += sessions[number].write(10)

    threads = [threading.Thread(target=write, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [FREE[:400], FREE[:400]]


def test_a_place_that_another_thread_settles_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    session, last = begin_session("abcab"), History.last
    other = [session.copy()]

    def meanwhile(history: History, count: int | None = None) -> Any:
        found = last(history, count)
        if other:
            other.pop().settle()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(History, "last", meanwhile)
        probabilities = session.next().probabilities
    np.testing.assert_array_equal(probabilities, begin_session("abcab").next().probabilities)


def test_a_long_text_of_many_small_pieces_keeps_few_arrays() -> None:
    """And no state but the last: a session may write for days."""
    session = begin_session("abc", seed=3)
    for _ in range(400):
        session.write(1)
    parts = list(session.mark().history.parts())
    assert len(parts) <= 4
    assert session.text == "abc" + FREE[:400]
