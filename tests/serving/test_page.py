"""docs/serving.md is true: its commands run against a server of a small network called book."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.trained import TrainedModel
from exporting.networks import draw_params
from serving.servers import start

PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_run(tmp_path: Path) -> None:
    vocabulary = Vocabulary(tuple("\n abcdefghijklmnopqrstuvwxyz"))
    model = CharLM.build(ModelConfig(cell="gru", hidden_size=16, num_layers=1), vocabulary.size)
    TrainedModel(model, draw_params(model), vocabulary, {}).save(tmp_path / "book")
    assert [language for language, _ in BLOCKS] == ["bash", "python", "bash"]
    with start(tmp_path, "book") as server:
        for language, code in BLOCKS:
            program = ["bash", "-ec"] if language == "bash" else [sys.executable, "-c"]
            how = {"capture_output": True, "text": True, "env": server.environment}
            ran = subprocess.run([*program, code], **how)
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.strip()
            assert '"error"' not in ran.stdout


def test_every_field_is_on_the_page() -> None:
    from charloop.serving.requests import CompletionRequest

    for field in CompletionRequest.__struct_fields__:
        assert f"`{field}`" in PAGE or field == "suffix", field
