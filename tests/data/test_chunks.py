"""Batch rows and chunks: those of PTB's reader, and never across the end of a row."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import Chunks, TrainingChunks, fit_batch, release_pages, split_tokens, token_file
from charloop.data.token_file import map_tokens
from charloop.errors import CharloopError

OFFSETS = [30, 33, 41, 28, 38]
"""Of five epochs with seed 1, below 64."""


def test_every_number_of_a_small_example() -> None:
    chunked = Chunks(np.arange(100, 117, dtype=np.uint8), batch_size=2, seq_length=3)
    # 17 tokens, 2 chunked of 8 (100..107 and 108..115; 116 is left over), (8 - 1) // 3 = 2 chunks
    assert chunked.row_length == 8
    assert chunked.chunks_per_epoch == 2
    first, second = chunked.chunk(0), chunked.chunk(1)
    assert first[:-1].tolist() == [[100, 108], [101, 109], [102, 110]]
    assert first[1:].tolist() == [[101, 109], [102, 110], [103, 111]]
    assert second[:-1].tolist() == [[103, 111], [104, 112], [105, 113]]
    assert second[1:].tolist() == [[104, 112], [105, 113], [106, 114]]
    assert first.dtype == np.int32
    assert first.flags.c_contiguous


def ptb_iterator(raw: np.ndarray, batch_size: int, num_steps: int):
    """Yield batch-major x and y of each chunk, as reader.py of TensorFlow's PTB tutorial does."""
    batch_length = len(raw) // batch_size
    data = np.zeros([batch_size, batch_length], dtype=np.int32)
    for row in range(batch_size):
        data[row] = raw[batch_length * row : batch_length * (row + 1)]
    for i in range((batch_length - 1) // num_steps):
        x = data[:, i * num_steps : (i + 1) * num_steps]
        y = data[:, i * num_steps + 1 : (i + 1) * num_steps + 1]
        yield x, y


SIZES = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(0, 60))


@given(SIZES)
def test_chunks_are_those_of_the_ptb_iterator(sizes: tuple[int, int, int]) -> None:
    batch_size, seq_length, extra = sizes
    tokens = np.random.default_rng(0).integers(0, 256, batch_size * (seq_length + 1) + extra).astype(np.uint8)
    chunked = Chunks(tokens, batch_size, seq_length)
    expected = list(ptb_iterator(tokens, batch_size, seq_length))
    assert len(expected) == chunked.chunks_per_epoch
    for index, (x, y) in enumerate(expected):
        np.testing.assert_array_equal(chunked.chunk(index)[:-1], x.T)
        np.testing.assert_array_equal(chunked.chunk(index)[1:], y.T)


@given(SIZES)
def test_the_chunks_of_an_epoch_join_to_the_batch_rows(sizes: tuple[int, int, int]) -> None:
    batch_size, seq_length, extra = sizes
    tokens = np.arange(batch_size * (seq_length + 1) + extra, dtype=np.uint16)
    chunked = Chunks(tokens, batch_size, seq_length)
    chunks = [chunked.chunk(index) for index in range(chunked.chunks_per_epoch)]
    inputs, targets = (
        np.concatenate([chunk[part] for chunk in chunks]) for part in (slice(-1), slice(1, None))
    )
    covered = chunked.chunks_per_epoch * seq_length
    assert covered + seq_length >= chunked.row_length - 1 >= covered
    starts = np.arange(batch_size) * chunked.row_length
    np.testing.assert_array_equal(inputs, np.arange(covered)[:, None] + starts)
    np.testing.assert_array_equal(targets, inputs + 1)


def test_the_last_target_is_never_the_first_character() -> None:
    chunked = Chunks(
        np.arange(13, dtype=np.uint8), batch_size=1, seq_length=4
    )  # 12 inputs fill 3 chunks exactly
    assert chunked.chunks_per_epoch == 3
    assert chunked.chunk(2)[-1, 0] == 12
    assert Chunks(np.arange(12, dtype=np.uint8), 1, 4).chunks_per_epoch == 2  # char-rnn would wrap here


def test_no_validation_token_is_in_a_training_row() -> None:
    tokens = np.arange(1000, dtype=np.uint16)
    cut = split_tokens(1000, 0.1)
    train, validation = Chunks(tokens[cut.train], 4, 10), Chunks(tokens[cut.validation], 4, 10)
    trained = {token for i in range(train.chunks_per_epoch) for token in train.chunk(i).ravel().tolist()}
    validated = {
        token for i in range(validation.chunks_per_epoch) for token in validation.chunk(i).ravel().tolist()
    }
    assert max(trained) < 900 <= min(validated)


def test_a_chunk_of_a_memory_map_is_an_array_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    np.arange(50, dtype=np.uint8).tofile(path)
    chunked = Chunks(np.memmap(path, np.uint8, "r"), 2, 4)
    chunk = chunked.chunk(1)
    assert type(chunk) is np.ndarray
    assert chunk.tolist() == [[4, 29], [5, 30], [6, 31], [7, 32], [8, 33]]
    assert np.shares_memory(chunked._rows, chunked.tokens)  # cutting chunks copies nothing


def test_reading_leaves_a_callers_changes_of_its_own_map_alone(tmp_path: Path) -> None:
    """Copy-on-write: the caller's changes are in memory only, and are lost if the page is freed."""
    path = tmp_path / "tokens"
    np.zeros(5000, dtype=np.uint8).tofile(path)
    tokens = np.memmap(path, np.uint8, "c")
    tokens[:] = 7
    frozen = tokens.view()
    frozen.flags.writeable = False
    for text in (tokens, frozen[:4000]):
        assert (Chunks(text, 2, 4).chunk(0) == 7).all()
        assert (tokens == 7).all()


def test_pages_of_our_own_maps_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_bytes(bytes(5000))
    opened = map_tokens(tmp_path / "tokens", np.dtype(np.uint8))
    assert not opened.flags.writeable
    ours = [one for one in token_file._READ_ONLY if one is opened.base]
    assert len(ours) == 1
    release_pages(opened[100:200])
    assert opened.sum() == 0


@pytest.mark.parametrize("index", [-1, 2])
def test_a_missing_chunk_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="of 2"):
        Chunks(np.arange(9, dtype=np.uint8), 1, 4).chunk(index)


@pytest.mark.parametrize(
    ("length", "batch_size", "seq_length", "about"),
    [
        (9, 2, 4, "do not fill one chunk"),
        (9, 0, 4, "batch_size"),
        (9, 1, 0, "seq_length"),
        (9, -1, 4, "batch_size"),
    ],
)
def test_sizes_that_make_no_chunk(length: int, batch_size: int, seq_length: int, about: str) -> None:
    with pytest.raises(CharloopError, match=about):
        Chunks(np.arange(length, dtype=np.uint8), batch_size, seq_length)


def test_sizes_that_fit_are_unchanged() -> None:
    assert fit_batch(32 * 65, 32, 64) == (32, 64, None)  # exactly one chunk
    assert fit_batch(10**9, 32, 64) == (32, 64, None)


def test_a_small_text_shrinks_the_batch_first_and_says_so() -> None:
    batch, time, note = fit_batch(32 * 65 - 1, 32, 64)
    assert (batch, time) == (8, 64)
    assert note == "2,079 tokens are too few for batch_size 32 x seq_length 64: using 8 x 64"
    assert fit_batch(900, 32, 64)[:2] == (3, 64)
    assert fit_batch(100, 32, 64)[:2] == (1, 24)
    assert fit_batch(2, 32, 64)[:2] == (1, 1)


@given(st.integers(2, 5000), st.integers(1, 100), st.integers(1, 300))
def test_fitted_sizes_always_work(length: int, batch_size: int, seq_length: int) -> None:
    batch, time, note = fit_batch(length, batch_size, seq_length)
    assert 1 <= batch <= batch_size
    assert 1 <= time <= seq_length
    chunks = Chunks(np.zeros(length, np.uint8), batch, time).chunks_per_epoch
    if note is not None:
        assert chunks >= min(4, length - 1)


@pytest.mark.parametrize(("length", "batch_size", "seq_length"), [(1, 1, 1), (100, 0, 1), (100, 1, 0)])
def test_sizes_that_cannot_be_fitted(length: int, batch_size: int, seq_length: int) -> None:
    with pytest.raises(CharloopError, match=r"too few|too small"):
        fit_batch(length, batch_size, seq_length)


@given(SIZES, st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_an_epoch_with_an_offset_is_the_text_from_there_on(
    sizes: tuple[int, int, int], seed: int, epoch: int
) -> None:
    batch_size, seq_length, extra = sizes
    tokens = np.arange(batch_size * (seq_length + 1) + extra, dtype=np.uint16)
    chunked = TrainingChunks(tokens, batch_size, seq_length, seed, random_offset=True)
    offset, kept = chunked.offset(epoch), len(tokens) - min(seq_length - 1, extra)
    assert 0 <= offset <= len(tokens) - kept
    assert offset < seq_length
    expected = list(ptb_iterator(tokens[offset : offset + kept], batch_size, seq_length))
    assert len(expected) == chunked.chunks_per_epoch >= 1
    for index, (x, y) in enumerate(expected):
        number = epoch * len(expected) + index
        np.testing.assert_array_equal(chunked.chunk(number)[:-1], x.T)
        np.testing.assert_array_equal(chunked.chunk(number)[1:], y.T)
        assert chunked.starts(number) == x[:, 0].tolist()


def test_all_offsets_below_the_length_of_a_chunk_occur_and_seeds_differ() -> None:
    chunked = TrainingChunks(np.arange(100, dtype=np.uint8), 2, 5, seed=7, random_offset=True)
    drawn = [chunked.offset(epoch) for epoch in range(200)]
    assert set(drawn) == {0, 1, 2, 3, 4}
    assert min(map(drawn.count, range(5))) > 20
    other = TrainingChunks(np.arange(100, dtype=np.uint8), 2, 5, seed=8, random_offset=True)
    assert drawn != [other.offset(epoch) for epoch in range(200)]


@given(SIZES, st.integers(0, 40))
def test_without_offsets_every_epoch_is_the_same(sizes: tuple[int, int, int], number: int) -> None:
    batch_size, seq_length, extra = sizes
    tokens = np.arange(batch_size * (seq_length + 1) + extra, dtype=np.uint16)
    chunked, plain = TrainingChunks(tokens, batch_size, seq_length), Chunks(tokens, batch_size, seq_length)
    index = number % plain.chunks_per_epoch
    np.testing.assert_array_equal(chunked.chunk(number), plain.chunk(index))
    assert chunked.starts(number) == plain.chunk(index)[0].tolist()


def test_offsets_stay_what_they_are() -> None:
    """A run that is resumed years later reads on where it stopped."""
    chunked = TrainingChunks(np.zeros(10**4, np.uint8), 2, 64, seed=1, random_offset=True)
    assert [chunked.offset(epoch) for epoch in range(5)] == OFFSETS
