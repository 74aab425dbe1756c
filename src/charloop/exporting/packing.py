"""All numbers of a network in one run of bytes, with a list of where each array is."""

import numpy as np
from jaxtyping import Float32

from charloop.exporting.matrix import Matrix

ALIGNMENT = 4


class Pack:
    """Collects arrays, little-endian. An array has a number, by which programs in an exported form name it."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.places: list[dict[str, int]] = []
        """By array: where its float32 numbers begin, or with `scales` its int8 codes, and its rows and columns."""
        self._known: dict[int, int] = {}
        self._kept: list[Matrix] = []

    def add(self, values: Float32[np.ndarray, "..."]) -> int:
        """Add float32 numbers, and return their number. A vector has one row."""
        rows, columns = np.atleast_2d(values).shape
        return self._add(
            {"offset": self._append(values.astype("<f4").tobytes()), "rows": rows, "columns": columns}
        )

    def add_matrix(self, matrix: Matrix) -> int:
        """Add a matrix, once, and return its number; 8-bit codes stand before their scales."""
        if id(matrix) not in self._known:
            self._kept.append(matrix)  # so that no other matrix gets its id
            self._known[id(matrix)] = (
                self._add_codes(matrix) if matrix.codes is not None else self.add(matrix.values)
            )
        return self._known[id(matrix)]

    def _add_codes(self, matrix: Matrix) -> int:
        assert matrix.codes is not None
        assert matrix.scales is not None
        place = {
            "offset": self._append(matrix.codes.tobytes()),
            "rows": matrix.rows,
            "columns": matrix.columns,
        }
        return self._add(place | {"scales": self._append(matrix.scales.astype("<f4").tobytes())})

    def _append(self, content: bytes) -> int:
        offset = len(self.content)
        self.content += content + bytes(-len(content) % ALIGNMENT)
        return offset

    def _add(self, place: dict[str, int]) -> int:
        self.places.append(place)
        return len(self.places) - 1
