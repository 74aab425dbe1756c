"""What a compressor needs for a text that it has seen."""

from charloop.baselines.compressors import COMPRESSORS, bits_per_character
from charloop.data import Vocabulary


def test_a_repeated_text_costs_nothing_and_never_less() -> None:
    vocabulary = Vocabulary.of_text("the cat sat on the mat, and then it ate the rat. ")
    tokens = vocabulary.encode("the cat sat on the mat, and then it ate the rat. " * 100)
    for compressor in COMPRESSORS:
        assert bits_per_character(compressor, tokens[:4410], tokens[4410:], vocabulary) >= 0
