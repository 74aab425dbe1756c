"""Count how many documents that a run writes are different and new, and how many a 5-gram could write too.

    python -m bench.names RUN [--count 1000] [--temperature 1.0] [--seed 0] [--order 5]

RUN was trained with --documents. The n-gram is the training text's own, without smoothing: it writes each character
as often as that one followed the same four characters of a document in training. "Could write" counts documents to
which it gives a probability above 0. The second row is what it writes itself.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.rounds import print_table
from charloop import load
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import read_training_text

END = "\N{END OF TEXT}"
"""After each document; before it, as often as a context is long."""


class NGram:
    """How often each character follows the `order` - 1 characters before it."""

    def __init__(self, documents: Sequence[str], order: int) -> None:
        self.reach = order - 1
        self.followers: dict[str, Counter[str]] = defaultdict(Counter)
        for document in documents:
            for context, character in self.each(document):
                self.followers[context][character] += 1

    def each(self, document: str) -> list[tuple[str, str]]:
        """Return each character of a document, and its end, with the characters before it."""
        padded = END * self.reach + document + END
        return [(padded[at : at + self.reach], padded[at + self.reach]) for at in range(len(document) + 1)]

    def can_write(self, document: str) -> bool:
        """Return whether the document has a probability above 0."""
        return all(character in self.followers.get(context, ()) for context, character in self.each(document))

    def write(self, chance: random.Random) -> str:
        """Return a document."""
        written = END * self.reach
        while len(written) == self.reach or written[-1] != END:
            followers = self.followers[written[len(written) - self.reach :]]
            written += chance.choices([*followers], [*followers.values()])[0]
        return written.strip(END)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and the first twenty documents of the run."""
    parser = argparse.ArgumentParser(
        "python -m bench.names", None, __doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--order", type=int, default=5)
    flags = parser.parse_args(arguments)
    network = load(flags.run)
    training = read_training_text(RunFolder.open(flags.run))
    end = network.vocabulary.end_id
    ends = [at for at, token in enumerate(training.tolist()) if token == end]
    known = [network.vocabulary.decode(training[first + 1 : last]) for first, last in pairwise(ends)]
    ngram, chance = NGram(known, flags.order), random.Random(flags.seed)
    stream = network.documents(seed=flags.seed, temperature=flags.temperature)
    written = [document.text for document in stream.take(flags.count)]
    samples = {"network": written, f"{flags.order}-gram": [ngram.write(chance) for _ in range(flags.count)]}
    rows = [(name, *shares(documents, known, ngram)) for name, documents in samples.items()]
    print(f"{flags.count:,} documents at temperature {flags.temperature:g}, {len(known):,} in training\n")
    print_table(("different", "new", f"a {flags.order}-gram could write", "new and it could not"), rows)
    print("\n" + ", ".join(written[:20]))


def shares(documents: Sequence[str], known: Sequence[str], ngram: NGram) -> tuple[str, ...]:
    """Return the shares of documents that are different, new, of the n-gram's, and new but not the n-gram's."""
    new = set(documents) - set(known)
    counts = (
        len(set(documents)),
        sum(document in new for document in documents),
        sum(map(ngram.can_write, documents)),
        sum(document in new and not ngram.can_write(document) for document in documents),
    )
    return tuple(f"{count / len(documents):.1%}" for count in counts)


if __name__ == "__main__":
    main()
