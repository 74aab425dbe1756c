"""What of a written text stands verbatim in the text it was learned from. NumPy only."""

from charloop.originality.copies import THRESHOLD, Originality, originality
from charloop.originality.store import find_or_build
from charloop.originality.suffixes import SuffixIndex, check_size

__all__ = ["THRESHOLD", "Originality", "SuffixIndex", "check_size", "find_or_build", "originality"]
