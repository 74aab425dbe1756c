"""How much of a written text occurs verbatim in the training text. Without jax."""

from charloop.originality.measure import COPY_THRESHOLD, Originality, measure_originality
from charloop.originality.suffix_index import SuffixIndex, check_index_size, load_or_build_index

__all__ = [
    "COPY_THRESHOLD",
    "Originality",
    "SuffixIndex",
    "check_index_size",
    "load_or_build_index",
    "measure_originality",
]
