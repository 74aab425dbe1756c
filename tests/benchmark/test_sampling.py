"""What `charloop bench sample` times."""

from charloop.benchmark.own_sampling import build
from charloop.benchmark.sampling import NETWORKS, Writing, least_operations

SETTING = {"cell": "lstm", "num_layers": 1, "hidden_size": 4, "embed_size": 4, "length": 30, "vocab_size": 65}


def test_the_products_of_a_character_by_hand() -> None:
    # Two layers of 128: two products with the state, one between the layers, one readout; 3 texts of 7 characters.
    products = 2 * 128 * 512 + 128 * 512 + 128 * 65
    assert least_operations(Writing(NETWORKS["2x128"], 3, 7)) == 3 * 7 * 2 * products


def test_our_own_program_writes_as_many_texts_as_it_is_asked_for() -> None:
    step, versions = build(SETTING | {"num_samples": 3})
    assert [len(text) for text in step()] == [30] * 3
    assert versions.keys() == {"charloop", "jax"}


def test_one_text_is_streamed() -> None:
    step, _ = build(SETTING | {"num_samples": 1})
    assert step() is None
