"""Which vectors and registers a processor's features stand for."""

from collections.abc import Iterator

import pytest

from charloop.kernels import machine
from charloop.kernels.machine import Machine, Tile, detect_machine


@pytest.fixture(autouse=True)
def undetected() -> Iterator[None]:
    """The processor is asked again, in each test and after it."""
    detect_machine.cache_clear()
    yield
    detect_machine.cache_clear()


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512f": True, "avx512bf16": True, "avx2": True, "fma": True}, Machine(16, Tile(6, 4), True)),
        ({"avx512f": True, "avx2": True, "fma": True}, Machine(16, Tile(6, 4))),
        ({"avx2": True, "fma": True, "avx512f": False}, Machine(8, Tile(6, 2))),
        ({"avx2": True, "fma": False}, Machine(4, Tile(6, 4))),
        ({}, Machine(4, Tile(6, 4))),
    ],
)
def test_features_decide_on_vectors(
    features: dict[str, bool], expected: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "target_machine", lambda: None)
    monkeypatch.setattr(machine.llvm, "get_host_cpu_features", lambda: features)
    assert detect_machine() == expected


def test_the_sums_of_a_tile_and_its_operands_fit_the_registers() -> None:
    """AVX-512 and NEON have 32 vector registers, AVX2 has 16."""
    for here, registers in ((Machine(16, Tile(6, 4)), 32), (Machine(8, Tile(6, 2)), 16)):
        assert here.tile.rows * here.tile.vectors + here.tile.vectors + 1 <= registers


def test_a_machine_is_a_value() -> None:
    assert detect_machine() == detect_machine()
    assert len({detect_machine(), detect_machine(), Machine(4, Tile(1, 1))}) == 2
