"""charloop eval: how well a trained network predicts a text."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.exit_codes import FOUND
from charloop.cli.flags.dynamic import ScoringLearningFlags, check_learning, refuse_limit
from charloop.cli.flags.mixing import MixFlags, check_mixing, load_runs
from charloop.cli.flags.parsing import Switch, argument, check_ranges, given_flags, parse
from charloop.cli.flags.text import STDIN, ReadingFlags, read_context
from charloop.cli.parts.eval_documents import (
    LABEL_OF,
    PER_DOCUMENT,
    note_missing_labels,
    write_documents,
)
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.dynamic_scores import (
    DynamicScore,
    dynamic_lines,
    dynamic_values,
    score_dynamically,
)
from charloop.cli.terminal.mixture_scores import MixtureScore, mixture_lines, mixture_values, score_members
from charloop.cli.terminal.output import print_lines
from charloop.cli.terminal.progress import showing_progress
from charloop.cli.terminal.scores import STDOUT, character_records, score_lines, score_values, write_records
from charloop.config.ranges import NonNegativeCount
from charloop.errors import CharloopError
from charloop.files.output import check_output

if TYPE_CHECKING:
    from charloop.baselines import BackgroundMeasurement
    from charloop.evaluation import Score

PER_CHARACTER = "--per-character"


@dataclass(frozen=True)
class EvalFlags(ReadingFlags):
    """Measure the loss of a trained network on a text, in nats and bits per character.

    Without a text, the network reads the run's own validation text.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run; or of several, as RUN+RUN; RUN+ngram adds the n-gram of its training text."""
    context: Annotated[str | None, argument("TEXT|FILE")] = None
    """Text that the scored text continues: a file, or standard input with -, or, if no such file exists, the text
    itself. The network reads it first; it is not scored. By default texts are read as the beginning of a paragraph or
    line, and parts of the run's own text with an empty memory, as in training."""
    split: Annotated[
        Literal["train", "val", "test"] | None, argument(None, default="val, if no text is given")
    ] = None
    """Score this part of the run's own text."""
    limit: NonNegativeCount = 0
    """Score about N characters, spread evenly over the text; 0: all."""
    baselines: Switch = False
    """Measure the baselines on a text that is not the run's own, too. They learn from the run's training text."""
    per_character: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the loss of each character as a line of JSON to a file, or to standard output with -. The end of a
    document is null."""
    per_document: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the loss of each document, with its end, as a line of JSON to a file, or to standard output with -. For
    a network that was trained with --documents."""
    label_of: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the likeliest label of each document, and the probabilities of the likeliest five, as a line of JSON to a
    file, or to standard output with -. For a network that was trained with --label-field."""
    sort: Literal["text", "surprise"] = "text"
    """text: documents in the order of the text. surprise: those that cost the most bits per character first."""
    threshold: Annotated[float | None, tyro.conf.arg(metavar="SHARE")] = None
    """Mark documents that cost more bits per character than this share (0 to 1, such as 0.99) of the run's own
    validation documents; the exit code is 1 if there are any. Needs --per-document."""
    overwrite: Switch = False
    """Replace the file of --per-character, --per-document or --label-of if it exists."""
    json: Switch = False
    """Print one JSON object."""
    learning: ScoringLearningFlags = field(default_factory=ScoringLearningFlags)
    mixing: MixFlags = field(default_factory=MixFlags)

    @property
    def part(self) -> str | None:
        """The part of the run's own text to score; None for a text that is given."""
        return None if self.texts or self.text is not None else self.split or "val"


def main(arguments: Sequence[str]) -> None:
    """Score a text and print its score."""
    flags = check_ranges(parse(EvalFlags, "eval", arguments))
    check_flags(flags)
    is_mixture = check_mixing(flags.run, names := given_flags(arguments), "dynamic", tunes_one=True)
    check_learning("--dynamic", names - {"tune" if is_mixture else ""}, flags.learning.dynamic)
    prepare_jax()
    from charloop.baselines import BASELINES_FILE, BackgroundMeasurement
    from charloop.checkpoint.texts import read_training_text
    from charloop.data.forms import StringReader
    from charloop.sampling.prompt import NO_BEGINNING

    how = {"cell": flags.cell, "weights": flags.weights, "scored": flags.part}
    network = load_runs(flags.run, flags.mixing, tune=flags.learning.tune, **how)
    folder = network.run
    assert folder is not None
    if flags.per_document is not None:
        network.end_id  # noqa: B018 - raises CharloopError before a long text is read
    if flags.label_of is not None and not folder.vocabulary.labels:
        raise CharloopError(
            f"{LABEL_OF}: this network has no labels", do="train it with --text-field and --label-field"
        )
    if flags.context is not None and folder.vocabulary.documents:
        raise CharloopError(
            "--context and a network of documents do not go together",
            do="leave --context out: each document is read from an empty memory",
        )
    context = read_context(
        flags.context, taken=STDIN if STDIN in flags.texts else None, unit=folder.vocabulary.unit
    )
    given = flags.read_text(folder, flags.part or "val")
    if context is not None:
        reader = StringReader(folder.vocabulary)
        context = reader.read(context)
        given = given._replace(notes=tuple(dict.fromkeys((*given.notes, *reader.notes))))
    own = flags.part is not None and not folder.vocabulary.documents
    beginning = NO_BEGINNING if own and context is None else network.beginning(context)
    ids = beginning.ids(folder.vocabulary, given.tokens, flags.unknown)
    if flags.baselines and given.training is None:
        with showing_progress() as listener:
            given = given._replace(training=read_training_text(folder, listener))
    measuring = None
    if given.training is not None:
        # While the network reads; the run may have those of its validation text already.
        kept = folder.path / BASELINES_FILE
        measuring = BackgroundMeasurement(given.training, given.tokens, folder.vocabulary, kept=kept)
    keep = (
        flags.learning.dynamic
        or is_mixture
        or any(target is not None for target in find_targets(flags).values())
    )
    with showing_progress() as listener:
        score = network.score(
            given.tokens, flags.limit or None, per_character=keep, listener=listener, before=ids
        )
    dynamic = (
        score_dynamically(flags.learning, network, given.tokens, ids) if flags.learning.dynamic else None
    )
    members = score_members(network, given.tokens, flags.limit or None, ids, score)
    score, notes = with_baselines(score, measuring)
    if flags.per_character is not None and score.per_character is not None:
        learned = dynamic.score.per_character if dynamic else None
        costs = character_records(given.tokens, score.per_character, folder.vocabulary, learned)
        write_records(PER_CHARACTER, flags.per_character, costs, overwrite=flags.overwrite)
    dynamic = dynamic and dynamic.beside(score)
    found, extra = write_documents(flags, network, given, score)
    unlabelled = note_missing_labels(folder.vocabulary, given.tokens)
    notes = (*network.notes, *given.notes, *unlabelled, *notes, *extra)
    print_score(given.name, beginning.description, score, notes, dynamic, members, flags)
    if found:
        sys.exit(FOUND)


def check_flags(flags: EvalFlags) -> None:
    """Raise CharloopError for flags that contradict each other."""
    if sum([bool(flags.texts), flags.text is not None, flags.split is not None]) > 1:
        raise CharloopError("more than one text to score", do="give files, or --text, or --split")
    if flags.split == "train" and flags.baselines:
        raise CharloopError(
            "--baselines and --split train do not go together",
            do="leave one out: baselines learn from that text, and would repeat it",
        )
    for flag, given in ((PER_DOCUMENT, flags.per_document), (LABEL_OF, flags.label_of)):
        if flags.learning.dynamic and given is not None:
            do = "leave one out: with learning, what a document costs depends on those before it"
            raise CharloopError(f"{flag} and --dynamic do not go together", do=do)
    refuse_limit(flags.learning, flags.limit)
    if flags.per_document is None and (flags.threshold is not None or flags.sort != "text"):
        flag = "--sort" if flags.threshold is None else "--threshold"
        raise CharloopError(f"{flag} needs --per-document", do="say where to write: --per-document -")
    if flags.threshold is not None and not 0 <= flags.threshold <= 1:
        raise CharloopError("--threshold", got=flags.threshold, allowed="a share from 0 to 1")
    if flags.per_document is not None and flags.context is not None:
        raise CharloopError(
            "--per-document and --context do not go together",
            do="leave one out: each document is read from an empty memory",
        )
    targets = find_targets(flags)
    if list(targets.values()).count(STDOUT) > 1:
        named = " and ".join(flag for flag, target in targets.items() if target == STDOUT)
        raise CharloopError(named, got="- more than once", do="write the others to files")
    for flag, target in targets.items():
        if target is not None and flags.limit:
            raise CharloopError(f"{flag} and --limit do not go together", do="leave one out")
        if target is not None and target != STDOUT:
            check_output(flag, target, overwrite=flags.overwrite, allowed="a file or -")


def find_targets(flags: EvalFlags) -> dict[str, str | None]:
    """Return where the records of each flag are written, if they are."""
    return {PER_CHARACTER: flags.per_character, PER_DOCUMENT: flags.per_document, LABEL_OF: flags.label_of}


def with_baselines(
    score: "Score", measuring: "BackgroundMeasurement | None"
) -> "tuple[Score, tuple[str, ...]]":
    """Return the score with its baselines, and a note if they could not be measured."""
    if measuring is None:
        return score, ()
    measuring.wait()
    if measuring.found is None:
        return score, (f"there are no baselines: {measuring.failure}",)
    return replace(score, baselines=measuring.found[1]), ()


def print_score(
    name: str,
    read_from: str,
    score: "Score",
    notes: tuple[str, ...],
    dynamic: "DynamicScore | None",
    members: MixtureScore | None,
    flags: EvalFlags,
) -> None:
    """Print the score; on standard error if records have standard output to themselves."""
    stream = sys.stderr if STDOUT in find_targets(flags).values() else sys.stdout
    if flags.json:
        values = score_values(name, read_from, score, notes)
        values |= {"dynamic": dynamic_values(dynamic)} if dynamic else {}
        values |= {"mixture": mixture_values(members)} if members else {}
        print(json.dumps(values), file=stream)
        return
    more = (*(dynamic_lines(dynamic) if dynamic else ()), *(mixture_lines(members) if members else ()))
    print_lines((*score_lines(name, read_from, score, notes), *more), stream)
