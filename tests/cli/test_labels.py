"""Records with labels on the command line: trained on, written, scored, gone on with; what is wrong is one line."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest

from charloop.trained import load
from choosing import slow
from cli.commands import BRIEF, ENDLESS, Outcome, assert_refused, call, done, process
from cli.conftest import WORDS
from cli.test_wrapping import FakeTerminal

FIELDS = ("--text-field", "word", "--label-field", "kind")
LABELS = {
    "short": [word for word in WORDS if len(word) < 4],
    "long": [word for word in WORDS if len(word) > 3],
}


def rows_of(count: int, seed: int) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    return [(chance.choice(LABELS[kind]), kind) for kind in chance.choices(list(LABELS), k=count)]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("word", "kind"), *rows])
    return str(path)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run on words with labels, to be read only, and what its training wrote."""
    folder = tmp_path_factory.mktemp("labels")
    text = write_csv(folder / "words.csv", rows_of(600, seed=1))
    return folder / "run", call("train", text, *FIELDS, *BRIEF, "--shuffle", "--output", str(folder / "run"))


@pytest.fixture(scope="module")
def run(words: tuple[Path, Outcome]) -> Path:
    assert words[1].code == 0, words[1].err
    return words[0]


def records(outcome: Outcome) -> list[dict]:
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_training_shows_labels_and_how_to_write_more(words: tuple[Path, Outcome], run: Path) -> None:
    out = words[1].out
    assert f"more:    charloop sample {run} --documents 20 --temperature 0.8" in out
    shown = out.partition("--- temperature 1.0 ---\n")[2].partition("\n\nmore:")[0].splitlines()
    assert {line[: line.index("]")] for line in shown} == {"[short", "[long"}
    info = done(call("info", str(run)))
    assert "documents   the field 'word' of each record, in random order" in info
    order = load(run).vocabulary.labels
    assert f"labels      2 in the field 'kind': {', '.join(order)}" in info
    assert json.loads(done(call("info", str(run), "--json")))["labels"] == list(order)


def test_documents_are_written_with_the_label_that_is_asked_for(run: Path) -> None:
    flags = ("sample", str(run), "--documents", "9", "--seed", "3", "--max-length", "9")
    drawn = records(call(*flags, "--json"))
    assert {record["label"] for record in drawn} == set(LABELS)
    assert list(drawn[0]) == ["text", "label", "label_nats", "characters", "nats", "ended"]
    given = records(call(*flags, "--json", "--label", "long"))
    assert {record["label"] for record in given} == {"long"}
    network = load(run)
    texts = [one.text for one in network.documents(seed=3, max_length=9, label="long").take(9)]
    assert call(*flags, "--label", "long").out.splitlines() == texts
    assert [record["text"] for record in given] == texts


def test_a_text_without_documents_says_which_label_it_has(run: Path) -> None:
    flags = ("sample", str(run), "--length", "9", "--seed", "3")
    likeliest = load(run).vocabulary.label_of(load(run).opening().start[-1])
    outcome = call(*flags)
    assert f"note: the label is '{likeliest}', the likeliest; --label takes another\n" in outcome.err
    assert outcome.out == done(call(*flags, "--label", str(likeliest)))
    assert outcome.out != call(*flags, "--label", *(set(LABELS) - {likeliest})).out


def test_each_document_is_scored_with_its_label(run: Path, tmp_path: Path) -> None:
    rows = [("dog", "short"), ("river", "long"), ("fox", "long")]
    text = write_csv(tmp_path / "some.csv", rows)
    costs = records(call("eval", str(run), text, "--per-document", "-"))
    network = load(run)
    known, ids = network.vocabulary, [network.end_id]
    for word, kind in rows:
        ids += [known.label_id(kind), *known.encode(word), network.end_id]
    score = network.score(np.array(ids), per_character=True)
    assert sum(cost["nats"] for cost in costs) == pytest.approx(score.nats, rel=1e-4)
    assert [(cost["text"], cost["label"], cost["characters"]) for cost in costs] == [
        (word, kind, len(word)) for word, kind in rows
    ]
    assert score.per_character is not None
    assert costs[0]["label_nats"] == pytest.approx(float(score.per_character[0]), rel=1e-4)
    tokens = len(rows[0][0]) + 2
    assert costs[0]["bits_per_character"] == pytest.approx(costs[0]["nats"] / tokens / np.log(2), rel=1e-4)
    each = records(call("eval", str(run), text, "--per-character", "-"))
    assert [(one["character"], one.get("label")) for one in each[:6]] == [
        (None, "short"),
        ("d", None),
        ("o", None),
        ("g", None),
        (None, None),
        (None, "long"),
    ]
    assert len(each) == len(ids) - 1


def test_the_likeliest_label_of_each_document(run: Path, tmp_path: Path) -> None:
    rows = rows_of(40, seed=2)
    outcome = call("eval", str(run), write_csv(tmp_path / "some.csv", rows), "--label-of", "-")
    found = records(outcome)
    assert [(one["number"], one["text"], one["is"]) for one in found] == [
        (number, *row) for number, row in enumerate(rows, start=1)
    ]
    for one in found:
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert list(one["probabilities"].values()) == sorted(one["probabilities"].values(), reverse=True)
        assert one["label"] == next(iter(one["probabilities"]))
    right = sum(one["label"] == one["is"] for one in found)
    most = max(sum(kind == label for _, kind in rows) for label in LABELS)
    assert (
        f"the likeliest label is that of the document for {right} of 40 ({right / 40:.1%});"
        f" {most / 40:.1%} have the most frequent label" in outcome.err
    )
    assert right > 24
    lines = "\n".join(word for word, _ in rows)
    plain = call("eval", str(run), "-", "--label-of", str(tmp_path / "labels.jsonl"), stdin=lines)
    assert "the documents have no labels" in plain.out
    scored = done(call("eval", str(run), "-", stdin=lines))
    assert scored.count("the documents have no labels") == 1
    assert "the documents have no labels" not in done(call("eval", str(run)))
    written = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert written == [{name: value for name, value in one.items() if name != "is"} for one in found]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tsv"])
def test_standard_input_is_read_as_what_it_is(kind: str, run: Path) -> None:
    rows = rows_of(5, seed=3)
    lines = {
        "csv": ["word,kind", *map(",".join, rows)],
        "tsv": ["word\tkind", *map("\t".join, rows)],
        "jsonl": [json.dumps({"word": word, "kind": label}) for word, label in rows],
    }
    found = records(call("eval", str(run), "-", "--per-document", "-", stdin="\n".join(lines[kind])))
    assert [(one["text"], one["label"]) for one in found] == rows


def test_vectors_and_baselines_read_records(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = write_csv(tmp_path / "some.csv", rows_of(200, seed=2))
    written = done(call("vectors", str(run), text, "-o", "some.npz"))
    assert "200 documents" in written
    assert "its vector may tell the label" in written
    with monkeypatch.context() as patch:
        patch.setattr("cli.commands.io.StringIO", FakeTerminal)
        shown = call("vectors", str(run), text, "-o", "some.npz", "--overwrite").out
    assert " ".join(shown.split()) == " ".join(written.split())
    assert max(map(len, shown.splitlines())) <= 100 < max(map(len, written.splitlines()))
    assert np.load("some.npz")["vectors"].shape == (200, 12)
    (tmp_path / "plain.txt").write_text("dog\nriver\n")
    plain = done(call("vectors", str(run), str(tmp_path / "plain.txt"), "-o", "plain.npz"))
    assert "label" not in plain
    assert "unigram" in done(call("baselines", text, *FIELDS, "--shuffle"))


def test_a_run_goes_on_and_is_verified_with_its_fields(run: Path, tmp_path: Path) -> None:
    text, steps = write_csv(tmp_path / "words.csv", rows_of(300, seed=4)), ("--steps", "8")
    made = call("train", text, *FIELDS, *ENDLESS, *steps, "--output", "begun")
    assert made.code == 0, made.err
    assert call("train", "--resume", "begun", "--steps", "16").code == 0
    assert "bit for bit" in done(call("verify", "begun"))
    assert_refused(
        call("train", "--resume", "begun", "--label-field", "word"),
        "--label-field cannot change",
        "word",
        "kind",
    )
    other = write_csv(tmp_path / "other.csv", [*rows_of(200, seed=5), *[("an", "new")] * 40])
    gone = call("train", other, "--init-from", str(run), *BRIEF, "--shuffle", "--output", "gone")
    assert gone.code == 0, gone.err
    assert "1 new label: 'new'" in gone.out
    assert load("gone").vocabulary.labels == (*load(run).vocabulary.labels, "new")
    (tmp_path / "lines.txt").write_text("\n".join(word for word, _ in rows_of(200, seed=5)))
    lines = call("train", str(tmp_path / "lines.txt"), "--init-from", str(run), *BRIEF, "--output", "lines")
    assert lines.code == 0, lines.err
    assert load("lines").vocabulary.labels == (*load(run).vocabulary.labels, "")


@pytest.mark.slow
def test_bytes_have_labels_too(tmp_path: Path) -> None:
    rows = [(word + "é", kind) for word, kind in rows_of(300, seed=4)]
    text = write_csv(tmp_path / "words.csv", rows)
    made = call("train", text, *FIELDS, *ENDLESS, "--steps", "24", "--unit", "byte", "--output", "bytes")
    assert made.code == 0, made.err
    found = records(call("eval", "bytes", text, "--label-of", "-"))
    assert [(one["text"], one["is"]) for one in found] == rows
    drawn = records(
        call("sample", "bytes", "--documents", "3", "--label", "long", "--json", "--max-length", "9")
    )
    assert {one["label"] for one in drawn} == {"long"}


@slow
def test_records_are_swept_and_reported(run: Path, tmp_path: Path) -> None:
    text = write_csv(tmp_path / "words.csv", rows_of(300, seed=4))
    swept = call("sweep", text, *FIELDS, *BRIEF, "--cells", "rnn,gru", "--seeds", "1", "--output", "sweep")
    assert swept.code == 0, swept.err
    assert call("compare", str(run), str(run), "--text-file", text).code == 0
    assert call("report", str(run), text, "--output", "page.html").code == 0


@pytest.mark.slow
def test_a_pipe_of_records_to_a_fresh_process(run: Path) -> None:
    outcome = process("eval", str(run), "-", "--label-of", "-", stdin='{"word": "dog"}\n')
    assert [one["text"] for one in records(outcome)] == ["dog"]


REFUSED = {
    "train TEXT --label-field kind": {"what": "--label-field without --text-field"},
    "train TEXT --text-field word --documents line": {"what": "--documents and --text-field"},
    "train TEXT --documents record": {"what": "--documents record", "do": "--text-field"},
    "train TEXT --text-field wrd": {
        "what": "unknown field",
        "got": "wrd",
        "allowed": "kind, word",
        "do": "'word'",
    },
    "train BOOK --text-field word": {
        "what": "is no table",
        "allowed": "files that end in .csv, .tsv or .jsonl, or these compressed",
        "do": "--text-field",
    },
    "sample RUN --documents 2 --label lon": {
        "what": "unknown label",
        "got": "lon",
        "allowed": "LABELS",
        "do": "'long'",
    },
    "sample TRAINED --label long": {
        "what": "this network has no labels",
        "got": "long",
        "do": "--label-field",
    },
    "eval TRAINED BOOK --label-of -": {
        "what": "--label-of: this network has no labels",
        "do": "--label-field",
    },
    "eval RUN TEXT --label-of - --per-document -": {
        "what": "--per-document and --label-of",
        "got": "- more than once",
    },
    "eval RUN TEXT --label-of - --limit 5": {"what": "--label-of and --limit", "do": "leave one out"},
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_does_not_go_together_is_one_line(command: str, run: Path, trained: Path, book: Path) -> None:
    text = str(run.parent / "words.csv")
    names = {"RUN": str(run), "TRAINED": str(trained), "BOOK": str(book), "TEXT": text}
    expected = dict(REFUSED[command])
    if expected.get("allowed") == "LABELS":
        expected["allowed"] = ", ".join(map(repr, load(run).vocabulary.labels))
    assert_refused(call(*(names.get(word, word) for word in command.split())), **expected)  # type: ignore[arg-type]
