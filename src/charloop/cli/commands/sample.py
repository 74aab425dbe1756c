"""charloop sample: a trained network writes text."""

import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.flags.dynamic import WritingLearningFlags, check_learning
from charloop.cli.flags.mixing import TunedMixFlags, check_mixing, load_runs
from charloop.cli.flags.parsing import Switch, argument, check_ranges, given_flags, parse
from charloop.cli.flags.sampling import (
    ConstraintFlags,
    DocumentFlags,
    SamplingFlags,
    check_document_flags,
    check_sampling_flags,
    make_constraints,
)
from charloop.cli.flags.text import read_context, read_prompt_file
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.documents import print_documents
from charloop.cli.terminal.encoding import check_output_encoding, encoding_output
from charloop.cli.terminal.loop_notes import LoopNotes
from charloop.cli.terminal.output import TextWriter, print_notes, print_text
from charloop.cli.terminal.progress import showing_progress
from charloop.cli.terminal.surprise_colors import LEGEND, Painter, wants_color
from charloop.data.forms import StringReader
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.sampling.prompt import Beginning
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class SampleFlags:
    """Print the prompt, then new text as a trained network writes it.

    A byte network writes bytes to a file or pipe, escapes to a terminal.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run; or of several, as RUN+RUN, which write as one; RUN+ngram adds the n-gram of its training
    text."""
    prompt: Annotated[str, argument("TEXT")] = ""
    """Text to continue. It is read as the beginning of a paragraph or line. Empty: the network begins a new one."""
    prompt_file: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Read the prompt from a file, or from standard input with -. It is UTF-8, or any bytes for a byte network."""
    context: Annotated[str | None, argument("TEXT|FILE")] = None
    """Text that the prompt continues: a file, or standard input with -, or, if no such file exists, the text itself.
    The network reads it before the prompt; it is not printed."""
    no_echo: Switch = False
    """Print the new text only, without the prompt."""
    color: Literal["none", "surprise"] = "none"
    """surprise: colour each new character by its surprise, from the network's own probabilities before temperature
    and filters. Only on a terminal or if FORCE_COLOR is set, and never if NO_COLOR is set."""
    output_encoding: Annotated[str | None, argument("ENC", default="utf-8")] = None
    """Encoding of what goes to a file or pipe, a name that Python knows. Characters that it lacks become ?, and are
    counted in a note. Not for a byte network."""
    interactive: Switch = False
    """Write together with the network: the terminal shows the likely next characters and the keys, and you choose,
    type, let the network draw, or take back. The text is printed at the end."""
    weights: Literal["best", "last"] = "best"
    """best: the weights with the lowest validation loss. last: the newest weights."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of your own."""
    sampling: SamplingFlags = field(default_factory=SamplingFlags)
    constraints: ConstraintFlags = field(default_factory=ConstraintFlags)
    whole: DocumentFlags = field(default_factory=DocumentFlags)
    learning: WritingLearningFlags = field(default_factory=WritingLearningFlags)
    mixing: TunedMixFlags = field(default_factory=TunedMixFlags)


def main(arguments: Sequence[str]) -> None:
    """Print one text as it is written, or several one after the other."""
    flags, drawn_seed = draw_seed(parse(SampleFlags, "sample", arguments))
    check_flags(flags, given_flags(arguments))
    prepare_jax()
    how = {"cell": flags.cell, "weights": flags.weights}
    network = load_runs(flags.run, flags.mixing, tune=flags.mixing.tune, **how)
    print_notes(network.notes)
    if flags.learning.dynamic_context is not None:
        network = let_learn(network, flags)
    with encoding_output(flags.output_encoding, network.vocabulary.unit):
        use = write(flags, network)
    print_notes([] if drawn_seed is None else [f"--seed {drawn_seed} {use}"])


def check_flags(flags: SampleFlags, given: set[str]) -> None:
    """Raise CharloopError for flags that are wrong whatever the network, or that do not go together."""
    check_document_flags(flags.whole, given)
    check_sampling_flags(flags.sampling, given)
    check_ranges(flags.constraints)
    check_mixing(flags.run, given, "dynamic_context")
    check_learning("--dynamic-context", given - {"tune"}, flags.learning.dynamic_context is not None)
    check_output_encoding(flags.output_encoding)
    if flags.interactive:
        from charloop.cli.interactive.session import check_interactive

        check_interactive(given)
    if flags.prompt and flags.prompt_file is not None:
        raise CharloopError("--prompt and --prompt-file do not go together", do="leave one out")


def write(flags: SampleFlags, network: "TrainedModel") -> str:
    """Print one text, several, or documents, or let a person write; return what a seed is good for afterwards."""
    prompt, unit = flags.prompt, network.vocabulary.unit
    if flags.prompt_file is not None:
        prompt = read_prompt_file("prompt", flags.prompt_file, unit)
    context = read_context(flags.context, taken=flags.prompt_file, unit=unit)
    reader = StringReader(network.vocabulary)
    prompt, context = reader.read(prompt), None if context is None else reader.read(context)
    flags = replace(flags, sampling=flags.sampling.read_strings(reader.read))
    if flags.whole.documents is not None:
        print_notes(reader.notes)
        write_documents(flags, network, prompt)
        return "writes these again"
    beginning = network.opening(context, flags.whole.label)
    print_notes(label_notes(network, beginning, flags.whole.label))
    if flags.interactive:
        from charloop.cli.interactive.session import edit_text

        print_notes(reader.notes)
        session = network.session(context=context, label=flags.whole.label, **asdict(flags.sampling))
        session.read(prompt)
        text = edit_text(session, keeps_prompt=not flags.no_echo, colored=wants_surprise(flags))
        print_text("", [text], writer=TextWriter())
        return "draws the same characters for the same keys"
    paint = Painter(network, prompt, flags.sampling.unknown, beginning) if wants_surprise(flags) else None
    print_samples(flags, network, prompt, context, paint, reader)
    if paint:
        print(LEGEND, flush=True)
    if beginning.text or beginning.is_context:
        print_notes([f"read from {beginning.description}"])
    return "writes this again"


def let_learn(network: "TrainedModel", flags: SampleFlags) -> "TrainedModel":
    """Return the network after it has learned from the text of --dynamic-context; its notes are printed."""
    from charloop.checkpoint.texts import read_chosen_text
    from charloop.trained.adapting import adapt

    assert network.run is not None
    names = (str(flags.learning.dynamic_context),)
    with showing_progress() as listener:
        given = read_chosen_text(network.run, listener, texts=names, unknown=flags.sampling.unknown)
        network, score = adapt(network, given.tokens, flags.learning, listener)
    learned = f"learned from {given.name}, {score.characters:,} characters at {score.loss:.3f} nats each"
    print_notes((*given.notes, learned))
    return network


def label_notes(network: "TrainedModel", beginning: "Beginning", given: str | None) -> Iterator[str]:
    """Yield which label the network chose, if none was given."""
    if given is None and network.vocabulary.labels:
        label = network.vocabulary.label_of(beginning.start[-1])
        yield f"the label is {label!r}, the likeliest; --label takes another"


def write_documents(flags: SampleFlags, network: "TrainedModel", prompt: str) -> None:
    """Write whole documents."""
    wanted = flags.whole
    writer = TextWriter(as_bytes=network.vocabulary.unit == "byte")
    network = network.keep_stray_bytes()
    with showing_progress() as listener:
        stream = network.documents(
            prompt,
            unique=wanted.unique,
            new=wanted.new,
            label=wanted.label,
            best_of=wanted.best_of,
            max_length=wanted.max_length,
            listener=listener,
            **asdict(flags.sampling),
        )
    joint, loops = network.vocabulary.joint, LoopNotes(flags.sampling, "document")
    print_documents(stream, wanted.documents or 0, joint, as_json=wanted.json, writer=writer, loops=loops)


def print_samples(
    flags: SampleFlags,
    network: "TrainedModel",
    prompt: str,
    context: str | None,
    paint: Painter | None,
    reader: StringReader,
) -> None:
    """Print a single text as it is written; print several, with their numbers, when all are complete."""
    settings = asdict(flags.sampling) | {"context": context, "label": flags.whole.label}
    settings["constraints"] = make_constraints(flags.constraints, network, reader)
    print_notes(reader.notes)
    opening = "" if flags.no_echo else prompt
    writer = TextWriter(as_bytes=network.vocabulary.unit == "byte")
    network = network.keep_stray_bytes()
    loops = LoopNotes(flags.sampling)
    if flags.sampling.num_samples == 1:
        # A file of bytes holds what the network wrote, and nothing else.
        ends_line = not writer.as_bytes or sys.stdout.isatty()
        pieces = loops.watch(network.stream(prompt, **settings))
        print_text(opening, pieces, paint, writer=writer, ends_line=ends_line)
    else:
        for number, text in enumerate(network.sample(prompt, **settings), start=1):
            print(f"--- {number} ---")
            print_text(opening, loops.watch([text]), paint and paint.again(), writer=writer)
    print_notes(loops.notes())


def wants_surprise(flags: SampleFlags) -> bool:
    """Return whether the new text is to be coloured by surprise."""
    return flags.color == "surprise" and wants_color()


def draw_seed(flags: SampleFlags) -> tuple[SampleFlags, int | None]:
    """Return the flags with a seed, and the seed if it was drawn here and the text depends on it."""
    sampling = flags.sampling
    if sampling.seed is not None:
        return flags, None
    seed = secrets.randbelow(2**32)
    flags = replace(flags, sampling=replace(sampling, seed=seed))
    # A person may raise the temperature in the editor.
    return flags, seed if sampling.temperature or flags.interactive else None
