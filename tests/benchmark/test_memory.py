"""What a step needs is counted from the cell's own arithmetic; what it holds is read from the compiled step."""

from charloop.benchmark.memory import measure_memory, needed_bytes
from charloop.benchmark.training import SETTINGS, sized

SETTING = sized(layers=2, hidden=8, batch=4, length=6)


def test_need_is_counted_by_hand() -> None:
    gates, hidden, cell = 4 * 8, 8, 8
    assert needed_bytes(SETTING) == 4 * 6 * 4 * (2 * (gates + hidden + cell) + 65)


def test_fused_holds_little_more_than_it_needs() -> None:
    (fused,) = measure_memory(SETTINGS["S3"], ["fused"])
    assert 1 < fused.ratio < 3
