"""A network as a folder for the Hugging Face hub, which is also a run: settings, vocabulary, weights, and a card."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from charloop.checkpoint.checksums import load_tensors, pack_file
from charloop.checkpoint.names import CELL, WEIGHTS
from charloop.checkpoint.texts import read_split
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.exporting.content import Export
from charloop.exporting.quantizing import MEASURED_CHARACTERS
from charloop.exporting.tables import load_templates
from charloop.trained import TrainedModel

TAGS = ("charloop", "recurrent-neural-network", "character-level", "language-model")


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return config.json, vocabulary.json, model.safetensors and README.md; of an own cell also its code, cell.py."""
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        export.trained.save(run)
        tensors, metadata = load_tensors(run / WEIGHTS)
        files = {path.name: path.read_bytes() for path in sorted(run.iterdir()) if path.is_file()}
    # transformers and others read `format`.
    files[WEIGHTS] = pack_file(tensors, metadata | {"format": "pt"})
    return files | {"README.md": make_card(export, has_cell=CELL in files).encode()}


def make_card(export: Export, *, has_cell: bool) -> str:
    """Return the model card. Whatever is not charloop's own words is in it as JSON, which is YAML too."""
    header = {"library_name": "charloop", "pipeline_tag": "text-generation", "tags": list(TAGS)}
    header |= {"license": export.license} if export.license else {}
    score = measure(export.trained)
    return (
        load_templates()
        .get_template("hub_card.md.jinja")
        .render(
            header={key: json.dumps(value) for key, value in header.items()},
            facts=json.dumps(export.facts, indent=1),
            has_cell=has_cell,
            bits=score and score.bits_per_character,
            interval=score and score.interval and score.interval.bits,
            characters=score and score.characters,
            parameters=export.facts["parameters"],
        )
    )


def measure(trained: TrainedModel) -> Score | None:
    """Return the score of about 200,000 characters of the validation text; None if it is not there."""
    if trained.run is None:
        return None
    try:
        return trained.score(read_split(trained.run, "val", None).tokens, MEASURED_CHARACTERS)
    except CharloopError:
        return None
