"""The split: contiguous, exact, and never too small to use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import split_tokens
from charloop.errors import CharloopError


def test_the_last_tenth_of_tinyshakespeare() -> None:
    made = split_tokens(1_115_394, 0.1, 0.0)
    assert made.train == slice(0, 1_003_854)
    assert made.validation == slice(1_003_854, 1_115_394)
    assert made.test == slice(1_115_394, 1_115_394)
    assert made.sizes == (1_003_854, 111_540, 0)


def test_cuts_are_exact_where_floats_are_not() -> None:
    assert 10 * (1 - 0.3 - 0.3) < 4  # what floats would floor to 3
    assert split_tokens(10, 0.3, 0.3).sizes == (4, 3, 3)


def test_fractions_of_0_cut_nothing_off() -> None:
    assert split_tokens(2, 0.0, 0.0).sizes == (2, 0, 0)


@given(st.integers(40, 10**7), st.sampled_from([0.0, 0.05, 0.1, 0.25]), st.sampled_from([0.0, 0.1, 0.5]))
def test_the_parts_cover_the_text_in_order(length: int, validation: float, test: float) -> None:
    made = split_tokens(length, validation, test)
    assert made.train.start == 0
    assert made.train.stop == made.validation.start
    assert made.validation.stop == made.test.start
    assert made.test.stop == length
    assert abs(made.sizes[1] - length * validation) <= 1


@pytest.mark.parametrize(
    ("length", "validation", "test", "part"),
    [
        (10, 0.1, 0.0, "validation"),
        (10, 0.0, 0.1, "test"),
        (10, 0.9, 0.0, "training"),
        (1, 0.0, 0.0, "training"),
    ],
)
def test_a_part_too_small_to_use_is_refused(length: int, validation: float, test: float, part: str) -> None:
    with pytest.raises(CharloopError, match=f"its {part} part") as refused:
        split_tokens(length, validation, test)
    assert "--validation-fraction" in str(refused.value)


@pytest.mark.parametrize(("validation", "test"), [(1.0, 0.0), (0.5, 0.5), (-0.1, 0.0)])
def test_fractions_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(CharloopError, match="less than 1 together"):
        split_tokens(1000, validation, test)
