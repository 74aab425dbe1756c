"""With --encoding auto, a run goes on in the encodings that were found when it began."""

import json
from pathlib import Path

import pytest

from charloop.data import detecting
from refusing import refused
from training.runs import configure, resume_recorded, run


def test_a_run_is_resumed_in_the_encodings_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts").mkdir()
    for name, encoding in (("a", "utf-8"), ("b", "latin-1")):
        (tmp_path / "texts" / name).write_bytes("Häuser über Mädchen schön\n".encode(encoding) * 9)
    made = run(tmp_path / "run", configure(tmp_path / "texts", encoding="auto", steps=3))
    config = tmp_path / "run" / "config.json"
    record = json.loads(config.read_text())
    ((encoding, numbers),) = record["text"]["encodings"].items()
    assert numbers == [1]
    monkeypatch.setattr(detecting, "detect_encoding", lambda _: "cp437")  # as another version might find
    monkeypatch.setenv("CHARLOOP_CACHE", str(tmp_path / "empty"))
    again = resume_recorded(made.folder)
    assert any(note.startswith(f"read as {encoding}: ") for note in again.started.notes)
    for found, what in (({"klingon": [1]}, "unknown encoding"), ("nonsense", "has changed since")):
        record["text"]["encodings"] = found
        config.write_text(json.dumps(record))
        with refused(what):
            resume_recorded(made.folder)
