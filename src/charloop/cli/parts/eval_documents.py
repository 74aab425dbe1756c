"""What `charloop eval` writes of each document: its cost, and its likeliest label."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from charloop.cli.terminal.documents import cost_records, round_cost, text_values
from charloop.cli.terminal.progress import showing_progress
from charloop.cli.terminal.scores import write_records

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint.texts import ChosenText
    from charloop.cli.commands.eval import EvalFlags
    from charloop.data import Vocabulary
    from charloop.evaluation import Score
    from charloop.evaluation.documents import DocumentCosts
    from charloop.trained import TrainedModel

PER_DOCUMENT, LABEL_OF = "--per-document", "--label-of"
SHOWN_LABELS = 5
"""Labels whose probability is written for a document."""


def write_documents(
    flags: "EvalFlags", network: "TrainedModel", given: "ChosenText", score: "Score"
) -> tuple[int, tuple[str, ...]]:
    """Write what is asked for of each document; return how many are above the threshold, and notes."""
    from charloop.evaluation.documents import sum_by_document

    if not network.vocabulary.documents or score.per_character is None:
        return 0, ()
    labels = network.vocabulary.label_ids
    costs = sum_by_document(given.tokens, score.per_character, network.end_id, labels)
    found, notes = write_costs(flags, network, given.tokens, costs) if flags.per_document else (0, ())
    if flags.label_of:
        notes += write_labels(flags, network, given.tokens, costs)
    return found, notes


def write_costs(
    flags: "EvalFlags", network: "TrainedModel", tokens: "np.ndarray", costs: "DocumentCosts"
) -> tuple[int, tuple[str, ...]]:
    """Write what each document costs; return how many are above the threshold, and a note on it."""
    assert flags.per_document is not None
    limit = None if flags.threshold is None else find_limit(flags.threshold, network)
    records = cost_records(
        tokens, costs, network.vocabulary, most_first=flags.sort == "surprise", limit=limit
    )
    write_records(PER_DOCUMENT, flags.per_document, records, overwrite=flags.overwrite)
    if limit is None or flags.threshold is None:
        return 0, ()
    found = int((costs.bits_per_character > limit).sum())
    return found, (
        f"{found:,} of {len(costs.nats):,} documents cost more than {limit:.3f} bits per character, as"
        f" {1 - flags.threshold:.1%} of the validation documents do",
    )


def find_limit(share: float, network: "TrainedModel") -> float:
    """Return the bits per character that `share` of the run's validation documents do not exceed."""
    import numpy as np

    from charloop.checkpoint.texts import read_split
    from charloop.evaluation.documents import sum_by_document

    assert network.run is not None
    with showing_progress() as listener:
        tokens = read_split(network.run, "val", listener).tokens
        score = network.score(tokens, per_character=True, listener=listener)
    assert score.per_character is not None
    costs = sum_by_document(tokens, score.per_character, network.end_id, network.vocabulary.label_ids)
    return float(np.quantile(costs.bits_per_character, share))


def write_labels(
    flags: "EvalFlags", network: "TrainedModel", tokens: "np.ndarray", costs: "DocumentCosts"
) -> tuple[str, ...]:
    """Write the likeliest label of each document; return a note on how many have it, where labels are known."""
    assert flags.label_of is not None
    is_right: list[bool] = []
    records = label_records(network, tokens, costs, is_right)
    write_records(LABEL_OF, flags.label_of, records, overwrite=flags.overwrite)
    if not is_right:
        return ()
    (_, most), *_ = Counter(costs.labels[costs.labels >= 0].tolist()).most_common(1)
    return (
        f"the likeliest label is that of the document for {sum(is_right):,} of {len(is_right):,}"
        f" ({sum(is_right) / len(is_right):.1%}); {most / len(is_right):.1%} have the most frequent label",
    )


def label_records(
    network: "TrainedModel", tokens: "np.ndarray", costs: "DocumentCosts", is_right: list[bool]
) -> Iterator[dict[str, Any]]:
    """Yield a record of each document, in the order of the text: the likeliest labels, given the text.

    Of a document with a label, `is_right` gets whether the likeliest is that.
    """
    import numpy as np

    from charloop.trained.documents import score_labels

    known, keeping = network.vocabulary, network.vocabulary.keep_stray_bytes()
    places = list(zip(costs.starts.tolist(), costs.characters.tolist(), costs.labels.tolist(), strict=True))
    texts = (tokens[start : start + size] for start, size, _ in places)
    for number, (scores, (start, size, own)) in enumerate(
        zip(score_labels(network, texts), places, strict=True), start=1
    ):
        shares = np.exp(scores - np.logaddexp.reduce(scores))
        order = np.argsort(-shares, kind="stable")[:SHOWN_LABELS].tolist()
        if own >= 0:
            is_right.append(known.label_ids[order[0]] == own)
        text = keeping.decode(tokens[start : start + size])
        yield {
            "number": number,
            "label": known.labels[order[0]],
            "probabilities": {known.labels[index]: round_cost(shares[index]) for index in order},
            **({"is": known.label_of(own)} if own >= 0 else {}),
            **text_values(text, as_bytes=known.unit == "byte"),
        }


def note_missing_labels(vocabulary: "Vocabulary", tokens: "np.ndarray") -> Iterator[str]:
    """Yield a note if the network was trained with labels, and no document of `tokens` has one."""
    from charloop.data.token_file import count_tokens

    if vocabulary.labels and not count_tokens(tokens, vocabulary.label_ids).any():
        yield "the documents have no labels, and the network reads one before each in training"
