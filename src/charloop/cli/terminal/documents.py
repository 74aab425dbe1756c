"""Documents for people and programs: those that were written, and those that were scored."""

import base64
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from charloop.cli.terminal.loop_notes import LoopNotes
from charloop.cli.terminal.output import TextWriter, print_notes
from charloop.wording import number_of

if TYPE_CHECKING:
    import numpy as np

    from charloop.data import Vocabulary
    from charloop.evaluation.documents import DocumentCosts
    from charloop.sampling.documents import Document, DocumentStream


def print_documents(
    stream: "DocumentStream",
    count: int,
    joint: str,
    *,
    as_json: bool,
    writer: TextWriter,
    loops: LoopNotes,
) -> None:
    """Print `count` documents as they are accepted, each followed by `joint`, or each as a line of JSON."""
    cut = 0
    try:
        for document in stream.take(count):
            if as_json:
                print(json.dumps(document_values(document, as_bytes=writer.as_bytes)))
            else:
                writer.write(document.text + joint)
            loops.look(document.text)
            sys.stdout.flush()
            cut += not document.is_complete
    finally:
        print_notes((*document_notes(stream, cut), *loops.notes()))


def document_values(document: "Document", *, as_bytes: bool) -> dict[str, Any]:
    """Return a document as plain values; `as_bytes`: it is of a network of bytes that keeps stray ones."""
    label = {} if document.label is None else {"label": document.label, "label_nats": document.label_nats}
    return {
        **text_values(document.text, as_bytes=as_bytes),
        **label,
        "characters": document.characters,
        "nats": document.nats,
        "ended": document.is_complete,
    }


def text_values(text: str, *, as_bytes: bool) -> dict[str, str]:
    """Return a text as values; `as_bytes`: where it is not UTF-8, with U+FFFD, and the bytes in base64."""
    if not as_bytes:
        return {"text": text}
    raw = text.encode("utf-8", "surrogateescape")
    shown = raw.decode("utf-8", "replace")
    return {"text": shown} | ({} if shown == text else {"base64": base64.b64encode(raw).decode()})


def document_notes(stream: "DocumentStream", cut: int) -> Iterator[str]:
    """Yield what was left out of the documents written, and how many of those printed were `cut`."""
    left_out = stream.left_out.total()
    if left_out:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in stream.left_out.most_common())
        share = f"{left_out / stream.attempts:.1%} of {number_of(stream.attempts, 'document')}"
        yield f"left out {left_out:,} ({reasons}), {share} written"
    if cut:
        yield f"{number_of(cut, 'document')} did not end, and {'was' if cut == 1 else 'were'} cut at --max-length"


def cost_records(
    tokens: "np.ndarray",
    costs: "DocumentCosts",
    vocabulary: "Vocabulary",
    *,
    most_first: bool,
    limit: float | None,
) -> Iterator[dict[str, Any]]:
    """Yield a record of each document, in the order of the text or those that cost most bits per character first.

    `number` counts from 1 in the order of the text. With a `limit`, `above` says whether it is exceeded.
    """
    import numpy as np

    bits, keeping = costs.bits_per_character, vocabulary.keep_stray_bytes()
    order = np.argsort(-bits, kind="stable") if most_first else np.arange(len(bits))
    for index in order.tolist():
        start, size = int(costs.starts[index]), int(costs.characters[index])
        label = vocabulary.label_of(int(costs.labels[index]))
        text = keeping.decode(tokens[start : start + size])
        costs_of_label = round_cost(costs.label_nats[index])
        yield {
            "number": index + 1,
            **({} if label is None else {"label": label, "label_nats": costs_of_label}),
            "nats": round_cost(costs.nats[index]),
            "bits_per_character": round_cost(bits[index]),
            "characters": size,
            **({} if limit is None else {"above": bool(bits[index] > limit)}),
            **text_values(text, as_bytes=vocabulary.unit == "byte"),
        }


def round_cost(value: float) -> float:
    """Return a loss with as many significant digits as a 32-bit number has."""
    return float(f"{float(value):.7g}")
