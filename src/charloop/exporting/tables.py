"""What an exported form knows of its text: tokens, how a text begins, and how it is written."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from charloop.exporting.content import Export
from charloop.exporting.network import ExportedNetwork


def gather_tables(network: ExportedNetwork, export: Export) -> dict[str, Any]:
    """Return, for JSON, the vocabulary, what is read before a prompt, and how the network writes by default.

    `symbols` are one string each, of a byte network ""; they may hold any character, lone surrogates too.
    """
    known, writing = network.vocabulary, export.writing
    return {
        "unit": known.unit,
        "symbols": [] if known.unit == "byte" else [*known.symbols],
        "labels": [*known.labels],
        "size": known.size,
        "end": known.end_id,
        "unknown": known.unknown_id,
        "never_written": [*known.never_written],
        "opening": [*network.opening],
        "fallback": network.fallback,
        "prompt": export.prompt,
        "length": writing.length,
        "temperature": writing.temperature,
        "top_k": min(writing.top_k, known.size),
        "top_p": writing.top_p,
        "seed": writing.seed,
    }


@cache
def load_templates() -> Environment:
    """Return the templates of exported forms. They are code, so nothing is escaped: values come as literals."""
    return Environment(
        loader=PackageLoader("charloop.exporting.forms"),
        autoescape=False,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
