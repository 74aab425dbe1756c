"""A run that starts from another on a text with new characters: known rows move, new rows are those of relatives."""

# ruff: noqa: RUF001 - Greek letters that look like Latin ones

import itertools
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from charloop.cells import Cell
from charloop.config import ModelConfig
from charloop.data import Vocabulary, load_corpus
from charloop.model import CharLM
from charloop.trained import TrainedModel, load
from charloop.training.donor import extend_parameters
from charloop.training.run import resume
from choosing import slow
from refusing import refused
from training.runs import Run, assert_identical, configure, resume_recorded, run

FROZEN = {"learning_rate": 1e-30, "weight_decay": 0.0, "steps": 1}
NAMES = "anna\nbea\nclea\nzoe\nEva\n" * 12
ACCENTED = NAMES + "zoé\nañe\nÉva\n" * 12
GREEK = "".join(map(chr, range(0x3B1, 0x3BE))) * 20
BEGIN_AS = {"é": "e", "ñ": "n", "É": "E", "Z": "z"}
AXES = {"embedding.weight": 0, "readout.weight": 0, "readout.bias": 0}
ONE_HOT = {"embed_size": 0}
SHAPES = ({"embed_size": 5}, {"embed_size": 6, "tie_embedding": True}, ONE_HOT, {"cell": "gru"} | ONE_HOT)
SPECIALS = ({}, {"documents": "line"}, {"min_count": 2}, {"documents": "line", "min_count": 2})
QUICK = ((0, 0), (0, 3), (1, 3), (2, 1), (3, 2))
"""Each shape and each kind of special symbol once, as positions in both."""


def labels(vocabulary: Vocabulary) -> list[str]:
    """What each token stands for."""
    special = ["the end"] * bool(vocabulary.documents) + ["unknown"] * (vocabulary.min_count > 1)
    return [*vocabulary.symbols, *special]


def extend_slowly(params: Any, old: Vocabulary, new: Vocabulary, *, one_hot: bool) -> dict[str, np.ndarray]:
    """The weights for `new`: each row is found by what it stands for, one at a time."""
    made = {name: np.asarray(value) for name, value in params.items()}
    for name, axis in (AXES | ({"rnn.weight_ih_l0": 1} if one_hot else {})).items():
        if name not in made:
            continue
        rows = dict(zip(labels(old), np.moveaxis(made[name], axis, 0), strict=True))
        mean = np.mean([rows[symbol] for symbol in old.symbols], axis=0, dtype=np.float64)
        found = [rows.get(label, rows.get(BEGIN_AS.get(label, ""), mean)) for label in labels(new)]
        made[name] = np.moveaxis(np.stack(found), 0, axis)
    return made


@pytest.mark.parametrize(
    ("shape", "special"),
    [
        (SHAPES[a], SPECIALS[b]) if (a, b) in QUICK else slow((SHAPES[a], SPECIALS[b]))
        for a, b in itertools.product(range(4), range(4))
    ],
)
def test_rows_move_to_where_their_characters_are_in_the_new_vocabulary(shape: dict, special: dict) -> None:
    old = Vocabulary(tuple("Eaenz"), **special)
    new = Vocabulary(tuple("EZaenzÉéñω"), **special)
    model = CharLM.build(ModelConfig(hidden_size=6, num_layers=2, **shape), old.size, old.end_id)
    params = model.init(jax.random.key(0))
    grown = extend_parameters(TrainedModel(model, params, old, {}), new)
    expected_rows = extend_slowly(params, old, new, one_hot=shape["embed_size"] == 0)
    assert grown.keys() == expected_rows.keys()
    for name, value in grown.items():
        np.testing.assert_allclose(value, expected_rows[name], rtol=1e-6, atol=1e-7, err_msg=name)
    whole = CharLM.build(model.config, new.size, new.end_id)
    assert {n: v.shape for n, v in whole.init(jax.random.key(0)).items()} == {
        n: v.shape for n, v in grown.items()
    }


def test_a_cell_whose_input_shares_an_axis_cannot_grow() -> None:
    class Joined(Cell):
        """An input matrix that also multiplies the state."""

        def init(self, key: Any, input_size: int) -> dict:
            return {"joined": jax.random.normal(key, (self.hidden_size, input_size + self.hidden_size))}

        def step(self, params: Any, inputs: Any, state: Any) -> Any:
            raise NotImplementedError

    old, new = Vocabulary(tuple("ab")), Vocabulary(tuple("abc"))
    model = CharLM(ModelConfig(hidden_size=4, num_layers=1, embed_size=0), 2, Joined(4))
    donor = TrainedModel(model, model.init(jax.random.key(0)), old, {})
    with refused("--init-from: rnn.joined_l0 of this cell cannot be extended"):
        extend_parameters(donor, new)


def train_on(folder: Path, name: str, text: str, *, init_from: Path | None = None, **settings: Any) -> Run:
    path = folder / f"{name}.txt"
    path.write_text(text, "utf-8")
    return run(folder / name, configure(path, **{"steps": 3} | settings), init_from=init_from)


@pytest.mark.parametrize(
    ("text", "settings", "note"),
    [
        slow(
            (
                ACCENTED,
                {},
                "; 3 new characters: 'É' (begins as 'E'), 'é' (begins as 'e'), 'ñ' (begins as 'n')",
            )
        ),
        slow((GREEK, {}, "; 13 new characters: 'α', 'β', 'γ', 'δ', 'ε', 'ζ', 'η', ")),
        (ACCENTED, {"documents": "line"}, "; 3 new characters: "),
        slow((ACCENTED + "☃", {"min_count": 2}, "; 3 new characters: ")),
        slow((ACCENTED, {"unit": "byte"}, "; no new characters")),
    ],
    ids=["é", "Greek", "documents", "min-count", "bytes"],
)
def test_a_run_begins_with_the_donors_rows_and_says_which_characters_are_new(
    tmp_path: Path, text: str, settings: dict, note: str
) -> None:
    donor = train_on(tmp_path, "donor", NAMES, **settings)
    (tmp_path / "more.txt").write_text(text, "utf-8")
    made = run(tmp_path / "run", configure(tmp_path / "more.txt", **FROZEN), init_from=donor.folder)
    old, new = load(donor.folder).vocabulary, load(made.folder).vocabulary
    expected = set(old.symbols) if old.unit == "byte" else set(NAMES) | set(text) - {"☃"}
    assert new.symbols == tuple(sorted(expected - ({"\n"} if old.documents else set())))
    assert (new.unit, new.min_count, new.documents) == (old.unit, old.min_count, old.documents)
    expected_rows = extend_slowly(donor.best, old, new, one_hot=False)
    for name, value in made.last.items():
        np.testing.assert_allclose(value, expected_rows[name], rtol=1e-6, atol=1e-7, err_msg=name)
    (said,) = [said for said in made.started.notes if str(donor.folder) in said]
    assert note in said
    assert ("and 3 more" in said) == ("13 new" in said)


@pytest.mark.parametrize("settings", [{"documents": "line"}, slow({}), slow({"min_count": 2})])
def test_a_run_with_new_characters_resumes_to_the_same_bits(tmp_path: Path, settings: dict) -> None:
    donor = train_on(tmp_path, "donor", NAMES, **settings)
    (tmp_path / "more.txt").write_text(ACCENTED + "☃" * bool("min_count" in settings), "utf-8")
    whole = run(tmp_path / "whole", configure(tmp_path / "more.txt", steps=9), init_from=donor.folder)
    half = run(tmp_path / "half", configure(tmp_path / "more.txt", steps=4), init_from=donor.folder)
    resume(half.folder, whole.started.config)
    assert_identical(Run(half.folder).state, whole.state)


@pytest.mark.slow
def test_a_text_in_another_unicode_form_gets_no_new_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark that joins for another letter changes nothing, not when the tokens are made again either."""
    donor = train_on(tmp_path, "donor", ACCENTED)
    text = unicodedata.normalize("NFD", ACCENTED) + "x\u0301\n"
    whole = train_on(tmp_path, "whole", text, steps=6, init_from=donor.folder)
    assert "".join(load(whole.folder).vocabulary.symbols) == "".join(sorted({*ACCENTED, "x", "\u0301"}))
    half = train_on(tmp_path, "half", text, init_from=donor.folder)
    monkeypatch.setenv("CHARLOOP_CACHE", str(tmp_path / "empty"))
    resume(half.folder, replace(whole.started.config, data=half.started.config.data))
    assert_identical(Run(half.folder).state, whole.state)


def test_cell_and_sizes_come_from_the_donor(tmp_path: Path) -> None:
    sizes = {
        "cell": "gru",
        "cell_options": ["reset_after=false"],
        "num_layers": 1,
        "hidden_size": 9,
        "embed_size": 4,
    }
    donor = train_on(tmp_path, "donor", NAMES, **sizes)
    unset = dict.fromkeys(sizes)
    made = run(tmp_path / "run", configure(tmp_path / "donor.txt", **FROZEN | unset), init_from=donor.folder)
    assert_identical(made.last, donor.best)
    assert made.started.config.model.cell_options == ("reset_after=false",)


def test_the_tokens_of_a_grown_vocabulary_are_those_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("ab☃é" + "éc" * 5, "utf-8")
    old = Vocabulary(tuple("cx"), min_count=3)
    how: dict[str, Any] = {"vocabulary": old, "unknown": "learn", "cache": tmp_path / "cache"}
    for _ in range(2):
        corpus = load_corpus(tmp_path / "text", **how)
        assert corpus.vocabulary == Vocabulary(tuple("cxé"), min_count=3)
        assert corpus.tokens.tolist() == [3, 3, 3, 2] + [2, 0] * 5
        assert corpus.notes[-1].startswith("read 3 characters as the unknown symbol")


def test_a_text_with_a_new_character_has_changed(tmp_path: Path) -> None:
    made = train_on(tmp_path, "run", NAMES)
    (tmp_path / "run.txt").write_text(ACCENTED, "utf-8")
    with refused("has changed since the run began", do="--init-from"):
        resume_recorded(made.folder)
