"""`compress` and `decompress`: any file comes back byte for byte, or not at all."""

import hashlib
import io
import json
import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charloop.cli.commands.compress import deliver
from charloop.compression import compress, decompress
from charloop.compression.container import MAGIC, Reader
from charloop.compression.learning import ScratchConfig, predict_dynamically, predict_from_scratch
from charloop.compression.predicting import predict_statically
from charloop.config import DynamicConfig
from charloop.errors import CharloopError
from charloop.trained import TrainedModel, load
from charloop.trained.adapting import find_gradients, score_while_learning
from cli.commands import Outcome, call, done, process, program, refused
from cli.conftest import text_of
from refusing import refused as refusing

LONG = 200_000_000
PEAK = (
    "import atexit, resource, sys; "
    "atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))"
)


def file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def network(trained: Path) -> TrainedModel:
    return load(trained)


def packed(network: TrainedModel, content: bytes) -> bytes:
    file = io.BytesIO()
    found = compress(predict_statically(network), io.BytesIO(content), file)
    assert (found.original, found.size) == (len(content), len(file.getvalue()))
    return file.getvalue()


def unpacked(network: TrainedModel, content: bytes) -> bytes:
    file, reader = io.BytesIO(), Reader(io.BytesIO(content), "x.clz")
    decompress(predict_statically(network), reader, reader.header(), file, name="x.clz")
    return file.getvalue()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.one_of(st.binary(max_size=30), st.text("the fox\n\r\0é\ufeff", max_size=30).map(str.encode))
)
def test_any_bytes_come_back(network: TrainedModel, content: bytes) -> None:
    assert unpacked(network, packed(network, content)) == content


@pytest.mark.parametrize("content", [b"", b"t", b"\xff", b"\xef\xbb\xbfthe fox\r\nruns\0"])
def test_small_files_come_back(network: TrainedModel, content: bytes) -> None:
    assert unpacked(network, packed(network, content)) == content


def test_the_size_is_what_eval_reports(network: TrainedModel) -> None:
    # Weights that predict sharply, and wrongly: with any others, the size would be another.
    network = replace(network, params=jax.tree.map(lambda weights: 4 * weights, network.params))
    text = "".join(random.Random(5).choices(network.vocabulary.symbols, k=2500))
    content = packed(network, text.encode())
    assert unpacked(network, content) == text.encode()
    coded = len(content) - len(packed(network, text[:1].encode()))
    bits = network.evaluate(text).bits_per_character * (len(text) - 1)
    assert abs(coded * 8 / bits - 1) < 0.002


def test_several_blocks_and_rows_come_back(network: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.compression.encoding.BLOCK", 250)
    monkeypatch.setattr("charloop.compression.rows.MIN_ROW", 100)
    content = text_of(14).encode()
    assert unpacked(network, packed(network, content)) == content


def test_other_predictions_are_refused_before_anything_is_written(
    network: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(network, b"the fox")
    file, reader = io.BytesIO(), Reader(io.BytesIO(content), "x.clz")
    header = reader.header()
    method = predict_statically(network)
    with refusing("x.clz: the network predicts otherwise"):
        decompress(method, reader, header | {"probe": "0"}, file, name="x.clz")
    with refusing("x.clz was compressed with jax 0.0.1; here: jax "):
        decompress(
            method, reader, header | {"machine": header["machine"] | {"jax": "0.0.1"}}, file, name="x.clz"
        )
    for fact in header["facts"]:
        with refusing(f"another network or other settings: {fact}") as caught:
            facts = header["facts"] | {fact: "0" * 64}
            decompress(method, reader, header | {"facts": facts}, file, name="x.clz")
        assert "0" * 12 in str(caught.value)
        assert len(str(caught.value)) < 200
    assert file.getvalue() == b""
    monkeypatch.setattr(Reader, "end", lambda *_: (7, b"0" * 32))
    with refusing("its sha256 differs"):
        decompress(method, reader, header, file, name="x.clz")


def test_a_file_as_people_do_it(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"the quick fox\xff\r\n")
    out = done(call("compress", str(trained), "a.txt"))
    assert out.startswith("compressed  16 bytes to ")
    assert "LZMA" in out
    assert "note        the file became larger" in out
    assert "a.txt is there already" in refused(call("decompress", "a.txt.clz"))
    done(call("decompress", "a.txt.clz", "-o", "b.txt"))
    assert (tmp_path / "b.txt").read_bytes() == b"the quick fox\xff\r\n"
    assert "a.txt.clz is there already" in refused(call("compress", str(trained), "a.txt"))
    moved = shutil.copytree(trained, tmp_path / "moved")
    done(call("compress", "moved", "a.txt", "--overwrite"))
    shutil.move(moved, tmp_path / "away")
    assert "moved, which is not there" in refused(call("decompress", "a.txt.clz", "-o", "c.txt"))
    done(call("decompress", "a.txt.clz", "away", "-o", "c.txt"))
    shutil.copy(tmp_path / "a.txt.clz", tmp_path / "d.bin")
    assert "does not end in .clz" in refused(call("decompress", "d.bin"))


def test_a_file_of_one_byte(trained: Path) -> None:
    Path("t").write_bytes(b"t")
    assert done(call("compress", str(trained), "t")).startswith("compressed  1 byte to ")
    assert done(call("decompress", "t.clz", "--overwrite")) == "decompressed  1 byte: t\n"


def test_pipes(trained: Path) -> None:
    first = 'import os; os.environ["XLA_FLAGS"] = ""'
    packed = subprocess.run(
        program("compress", str(trained), "-", first=first), input=b"the fox\0", capture_output=True
    )
    assert packed.stdout.startswith(MAGIC), packed.stderr
    back = process("decompress", "-", stdin=packed.stdout, first=first)
    assert (back.code, back.out) == (0, "the fox\0"), back.err


def test_standard_output_receives_nothing_of_a_file_that_is_damaged_further_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"the fox")
        raise CharloopError("damaged")

    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=out))
    with refusing("damaged"):
        deliver("-", write, overwrite=False)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("compress", "no run", "book.txt"), "no such run"),
        (("compress", "RUN", "no.txt"), "cannot read no.txt (No such file or directory)"),
        (("compress", "RUN", "."), "cannot read . (Is a directory)"),
        (("compress", "RUN", "book.txt", "-o", "no/a.clz"), "there is no folder no"),
        (("compress", "RUN", "book.txt", "-o", "."), "that is a folder"),
        (("compress", "RUN", "book.txt", "-o", "./book.txt", "--overwrite"), "another file than the one"),
        (("decompress", "cut.clz", "-o", "cut.clz", "--overwrite"), "another file than the one"),
        (("compress", "RUN"), "FILE is missing"),
        (("compress", "RUN", "book.txt", "--dynamic-rate", "1"), "--dynamic-rate needs --dynamic"),
        (("compress", "RUN", "book.txt", "--from-scratch"), "--from-scratch takes no run"),
        (("compress", "book.txt", "--from-scratch", "--dynamic"), "--dynamic needs a run"),
        (("decompress", "book.txt", "-o", "a"), "book.txt is not a file that charloop compressed"),
        (("decompress", "cut.clz"), "cut.clz is damaged, or cut short"),
        (("decompress", "newer.clz"), "newer.clz: version of the form"),
        (("decompress", "no.clz"), "cannot read no.clz"),
        (("decompress", "no"), "cannot read no (No such file"),
        (("decompress", "."), "cannot read . (Is a directory)"),
    ],
)
def test_what_cannot_be_done_is_refused(
    trained: Path, tmp_path: Path, arguments: tuple[str, ...], wrong: str
) -> None:
    (tmp_path / "book.txt").write_text("the fox")
    (tmp_path / "cut.clz").write_bytes(MAGIC + b"\1")
    (tmp_path / "newer.clz").write_bytes(MAGIC[:-1] + b"\2")
    before = sorted(path.name for path in tmp_path.iterdir())
    given = [str(trained) if word == "RUN" else word for word in arguments]
    assert wrong in refused(call(*given))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_networks_of_bytes_and_with_an_unknown_symbol(
    binary: tuple[Path, Outcome], folded: tuple[Path, Outcome]
) -> None:
    for run, _ in (binary, folded):
        network = load(run)
        for content in (b"\0\xff\r\nthe fox", "the ξ fox".encode()):
            assert unpacked(network, packed(network, content)) == content


def test_a_killed_process_leaves_no_file_under_the_name(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(text_of(100_000))
    child = subprocess.Popen(program("compress", str(trained), "long.txt"), cwd=tmp_path)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".long.txt.clz.*")) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(tmp_path.glob(".long.txt.clz.*"))
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "long.txt.clz").exists()


def test_the_header_names_the_machine_and_the_settings(network: TrainedModel) -> None:
    header = Reader(io.BytesIO(packed(network, b"the")), "x.clz").header()
    assert {"jax", "jaxlib", "numpy", "processor", "cores"} <= header["machine"].keys()
    assert header["rows"] == 1
    assert len(json.dumps(header, separators=(",", ":"))) < 1200


def test_a_network_that_learns_gives_a_file_back(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    text = text_of(4, seed=3) * 10
    (tmp_path / "a.txt").write_text(text)
    flags = ("--dynamic", "--dynamic-rate", "0.5", "--dynamic-rows", "3", "--dynamic-segment", "7")
    out = done(call("compress", "run", "a.txt", *flags))
    done(call("compress", "run", "a.txt", "-o", "static.clz"))
    done(call("decompress", "a.txt.clz", "-o", "b.txt"))
    assert out.startswith("compressed  ")
    assert "larger" not in out
    assert (tmp_path / "b.txt").read_text() == text
    assert (tmp_path / "a.txt.clz").stat().st_size < (tmp_path / "static.clz").stat().st_size
    (run / "gradients.safetensors").unlink()
    done(call("decompress", "a.txt.clz", "-o", "c.txt"))
    assert (tmp_path / "c.txt").read_text() == text


def test_dynamic_predictions_are_those_of_eval(trained: Path, tmp_path: Path) -> None:
    network = load(shutil.copytree(trained, tmp_path / "run"))
    config = DynamicConfig(dynamic_segment=9)
    tokens = network.vocabulary.encode(text_of(5, seed=5), "error")
    before = network.opening_ids()
    score, _ = score_while_learning(network, tokens, config, before=before, per_character=True)
    predictor = predict_dynamically(network, find_gradients(network, 9), config).make(1)
    probabilities, nats = predictor.begin(), []
    for token in tokens:
        nats.append(-np.log(probabilities[0, token]))
        probabilities = predictor.read(np.array([token]))
    np.testing.assert_allclose(nats[1:], score.per_character, rtol=1e-3, atol=1e-4)


def test_from_scratch_the_network_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ScratchConfig(hidden_size=16, embed_size=8, rate=0.02, segment=8, min_row=900)
    monkeypatch.setattr("charloop.compression.encoding.BLOCK", 900)
    monkeypatch.setattr("charloop.compression.learning.MAX_PAST", 500)
    content = text_of(40, seed=3).encode() + bytes(range(256))
    packed = io.BytesIO()
    found = compress(predict_from_scratch(config), io.BytesIO(content), packed)
    reader, back = Reader(io.BytesIO(packed.getvalue()), "x.clz"), io.BytesIO()
    header = reader.header()
    decompress(predict_from_scratch(ScratchConfig(**header["facts"]["scratch"])), reader, header, back)
    assert back.getvalue() == content
    assert found.size < 0.9 * len(content)

    def measure(config: ScratchConfig, content: bytes) -> int:
        return compress(predict_from_scratch(config), io.BytesIO(content), io.BytesIO()).size

    assert measure(config, content[: len(content) // 2]) > found.size / 2
    assert measure(replace(config, replayed=0), content) > 1.02 * found.size


@pytest.mark.slow
def test_from_scratch_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text_of(20))
    done(call("compress", "--from-scratch", "a.txt"))
    assert "from scratch" in refused(call("decompress", "a.txt.clz", ".", "-o", "b.txt"))
    done(call("decompress", "a.txt.clz", "-o", "b.txt"))
    assert (tmp_path / "b.txt").read_text() == text_of(20)


@pytest.mark.slow
def test_a_long_file_comes_back_in_bounded_memory(trained: Path, tmp_path: Path) -> None:
    """200 MB of lines with numbers, so that no two blocks are equal; the peak of each process is printed."""
    with open(tmp_path / "long.txt", "w") as file:
        for part in range(LONG // 1_000_000):
            file.write((f"{part} " + text_of(30_000, seed=part))[:1_000_000])
    digest = file_digest(tmp_path / "long.txt")
    for command in (("compress", str(trained), "long.txt"), ("decompress", "long.txt.clz", "-o", "back.txt")):
        child = subprocess.run(program(*command, first=PEAK), cwd=tmp_path, capture_output=True, text=True)
        assert child.returncode == 0, child.stderr
        peak = int(child.stderr.split()[-1]) / 1024
        print(f"{command[0]}: {peak:.0f} MiB")
        assert peak < 1000
    assert file_digest(tmp_path / "back.txt") == digest
