"""charloop bench: time the engine on this machine."""

import importlib
from collections.abc import Sequence

from charloop.errors import CharloopError, unknown_name

QUESTIONS = {
    "unroll": "static, dynamic, scan and fused: to build, to compile, to make a step",
    "train": "a training step, beside what other libraries need for the same",
    "sample": "writing text, one stream and many, beside the same",
    "encode": "a text to tokens, beside copying its file and decoding it",
    "memory": "what a training step holds, beside what it needs",
}


def main(arguments: Sequence[str]) -> None:
    """Hand over to the question's own page."""
    if not arguments:
        raise CharloopError(
            "charloop bench: no question", allowed=", ".join(QUESTIONS), do="see charloop bench --help"
        )
    question, *rest = arguments
    if question in ("-h", "--help"):
        print(usage())
        return
    if question not in QUESTIONS:
        raise unknown_name("question", question, QUESTIONS, do="see charloop bench --help")
    importlib.import_module(f"charloop.cli.commands.bench.{question}").main(rest)


def usage() -> str:
    """What `charloop bench --help` shows."""
    questions = "\n".join(f"  {name:9}{summary}" for name, summary in QUESTIONS.items())
    return f"""usage: charloop bench QUESTION ...

Time the engine on this machine. Programs are timed in turn, so that noise meets all alike.

{questions}

charloop bench QUESTION --help shows a question's settings.
"""
