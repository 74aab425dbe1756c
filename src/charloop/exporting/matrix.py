"""A matrix of weights: float32, or 8-bit codes with a scale for each row."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int8

MAX_CODE = 127


@dataclass(frozen=True, eq=False)
class Matrix:
    """`values`; if there are `codes`, `values` is `scales[:, None] * codes` rounded to float32."""

    values: Float32[np.ndarray, "rows columns"]
    codes: Int8[np.ndarray, "rows columns"] | None = None
    scales: Float32[np.ndarray, " rows"] | None = None

    @property
    def rows(self) -> int:
        """Number of rows: results of the product."""
        return len(self.values)

    @property
    def columns(self) -> int:
        """Number of columns: what the product multiplies."""
        return int(self.values.shape[1])


def quantize_rows(values: Float32[np.ndarray, "rows columns"]) -> Matrix:
    """Return the matrix with each row rounded to multiples of its largest magnitude / 127 (symmetric, no offset)."""
    largest = np.abs(values).max(axis=1, initial=0)
    # A row whose largest magnitude / 127 is no normal float32 counts as 0: languages treat such numbers differently.
    scales = np.where(largest / MAX_CODE < np.finfo(np.float32).tiny, 0, largest / MAX_CODE).astype(
        np.float32
    )
    codes = np.rint(values / np.where(scales == 0, 1, scales)[:, None])
    codes = np.where(scales[:, None] == 0, 0, codes).clip(-MAX_CODE, MAX_CODE).astype(np.int8)
    return Matrix(scales[:, None] * codes.astype(np.float32), codes, scales)
