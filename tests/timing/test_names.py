"""The n-gram that a run on documents is compared with: what it counts, and what it can write."""

import random

from bench.names import NGram, shares

KNOWN = ["anna", "anton", "hanna"]


def test_it_writes_only_what_its_contexts_allow() -> None:
    ngram, chance = NGram(KNOWN, 3), random.Random(0)
    written = {ngram.write(chance) for _ in range(200)}
    assert all(ngram.can_write(one) for one in written)
    assert written == {*KNOWN, "hanton"}


def test_the_order_is_the_characters_of_a_gram() -> None:
    assert NGram(KNOWN, 2).can_write("hannna")
    assert not NGram(KNOWN, 3).can_write("hannna")
    assert not NGram(KNOWN, 3).can_write("hann"), "its end counts"
    assert not NGram(KNOWN, 3).can_write("nna"), "its beginning too"
    assert NGram(KNOWN, 3).followers["an"] == {"n": 2, "t": 1}


def test_shares_of_what_is_written() -> None:
    written = ["anna", "hanton", "hanton", "hannanna"]
    assert shares(written, KNOWN, NGram(KNOWN, 3)) == ("75.0%", "75.0%", "75.0%", "25.0%")
