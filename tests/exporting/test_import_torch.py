"""State dicts of PyTorch under other names and in another order of characters, made into networks of charloop."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from charloop import import_torch
from charloop.trained import TrainedModel
from cli.commands import assert_refused, call, done
from exporting.networks import make_network
from refusing import refused

State = dict[str, np.ndarray]


def move_rows(network: TrainedModel, order: np.ndarray) -> State:
    """Return the network's parameters as PyTorch has them, with the characters in `order`."""
    moved = {name: np.asarray(value) for name, value in network.params.items()}
    for name in ("embedding.weight", "readout.weight", "readout.bias"):
        if name in moved:
            moved[name] = moved[name][order]
    if "embedding.weight" not in moved:
        moved["rnn.weight_ih_l0"] = moved["rnn.weight_ih_l0"][:, order]
    return moved


def shuffle(network: TrainedModel) -> tuple[State, list[str]]:
    """Return the parameters and the characters in another order."""
    order = np.random.default_rng(1).permutation(network.vocabulary.size)
    return move_rows(network, order), [network.vocabulary.symbols[n] for n in order]


def rename(state: State, **names: str) -> State:
    """Return the state with what stands before the last dot replaced."""
    return {
        f"{names.get(name.partition('.')[0], name.partition('.')[0])}.{name.partition('.')[2]}": value
        for name, value in state.items()
    }


def assert_same(made: TrainedModel, network: TrainedModel) -> None:
    assert made.vocabulary.symbols == network.vocabulary.symbols
    assert made.params.keys() == network.params.keys()
    for name, value in network.params.items():
        np.testing.assert_array_equal(made.params[name], value, name)


def write_characters(path: Path, symbols: list[str]) -> Path:
    path.write_text(json.dumps(symbols))
    return path


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm", "one-hot", "tied"])
def test_tensors_are_found_by_their_shapes(kind: str, tmp_path: Path) -> None:
    network = make_network(kind)
    state, symbols = shuffle(network)
    renamed = rename(state, embedding="module.encoder", rnn="module.core", readout="module.head")
    made = import_torch(renamed, write_characters(tmp_path / "ids.json", symbols))
    assert_same(made, network)
    assert made.model.config.cell == network.model.config.cell
    assert bool(made.notes and "tanh" in made.notes[0]) == (kind == "rnn")


def test_layers_checkpoints_and_missing_biases(tmp_path: Path) -> None:
    network = make_network("gru", 3)
    state, symbols = shuffle(network)
    bare = {name: value for name, value in state.items() if "bias" not in name}
    checkpoint = {"model": bare | {"steps": np.array(3)}, "epoch": 3}
    made = import_torch(checkpoint, write_characters(tmp_path / "ids.json", symbols))
    assert made.model.config.num_layers == 3
    for name, value in network.params.items():
        np.testing.assert_array_equal(made.params[name], 0 * value if "bias" in name else value)


def test_an_embedding_of_the_readouts_shape(tmp_path: Path) -> None:
    network = make_network("tied")
    state, symbols = shuffle(network)
    ids = write_characters(tmp_path / "ids.json", symbols)
    twice = state | {"readout.weight": state["embedding.weight"].copy()}
    assert_same(import_torch(twice, ids), network)
    other = rename(twice | {"embedding.weight": 2 * state["embedding.weight"]}, embedding="a", readout="b")
    made = import_torch(other, ids)
    np.testing.assert_array_equal(made.params["embedding.weight"], 2 * made.params["readout.weight"])
    bare = {name: value for name, value in other.items() if name != "b.bias"}
    with refused("several tensors may be the readout: a.weight, b.weight", do="--map readout=a.weight"):
        import_torch(bare, ids)
    for names in ({"readout": "b.weight"}, {"embedding": "a.weight"}):
        found = import_torch(bare, ids, names).params
        np.testing.assert_array_equal(found["embedding.weight"], made.params["embedding.weight"])


@pytest.mark.parametrize("form", ["list", "ids", "characters", "text"])
def test_a_vocabulary_in_each_form(form: str, tmp_path: Path) -> None:
    network = make_network("rnn")
    state, symbols = shuffle(network)
    documents: dict[str, Any] = {
        "list": symbols,
        "ids": {symbol: number for number, symbol in enumerate(symbols)},
        "characters": dict(enumerate(symbols)),
    }
    path = tmp_path / "vocabulary"
    if form == "text":
        plain = [chr(ord("a") + number) for number in reversed(range(len(symbols)))]
        path.write_text("".join(plain) + "\n")
        assert import_torch(state, path).vocabulary.symbols == tuple(sorted(plain))
    else:
        path.write_text(json.dumps(documents[form]))
        assert_same(import_torch(state, path), network)


def test_a_run_from_pytorch_writes(tmp_path: Path) -> None:
    network = make_network("rnn")
    state, symbols = shuffle(network)
    save_file(state, tmp_path / "model.safetensors")
    ids = write_characters(tmp_path / "ids.json", symbols)
    file, run = str(tmp_path / "model.safetensors"), str(tmp_path / "run")
    said = done(call("import-torch", file, "--vocabulary", str(ids), "--out", run))
    assert "rnn" in said
    assert "next        charloop sample" in said
    (text,) = network.sample("ab", length=30, temperature=0)
    assert f"ab{text}" in done(call("sample", run, "--prompt", "ab", "--length", "30", "--temperature", "0"))
    again = call("import-torch", file, "--vocabulary", str(ids), "-o", run)
    assert_refused(again, "is not empty", do="another folder")


def save_bad(folder: Path) -> None:
    """Write a state dict and files that do not fit it."""
    state, symbols = shuffle(make_network("rnn"))
    save_file(state, folder / "good.safetensors")
    write_characters(folder / "ids.json", symbols)
    write_characters(folder / "short.json", symbols[:-1])
    write_characters(folder / "twice.json", [*symbols[:-1], "a", "a"])
    write_characters(folder / "words.json", [*symbols[:-1], "<unk>"])
    (folder / "number.json").write_text("3")
    (folder / "none.json").write_text("[]")
    ids = {symbol: number for number, symbol in enumerate(symbols)}
    (folder / "gap.json").write_text(json.dumps(ids | {symbols[4]: 99}))
    (folder / "same.json").write_text(json.dumps(ids | {symbols[-1]: 3}))
    (folder / "folder.pt").mkdir()
    (folder / "cut.safetensors").write_bytes((folder / "good.safetensors").read_bytes()[:-5])
    save_file({"a": np.zeros((3, 3), np.float32)}, folder / "other.safetensors")
    save_file(rename(state, rnn="x") | rename(state, rnn="y"), folder / "two.safetensors")
    extra = {"rnn.weight_ih_l0_reverse": state["rnn.weight_ih_l0"]}
    save_file(state | extra, folder / "both-ways.safetensors")
    save_file({**state, "rnn.weight_hr_l0": np.zeros((3, 12), np.float32)}, folder / "projected.safetensors")
    save_file({**state, "rnn.weight_ih_l0": np.zeros((11, 7), np.float32)}, folder / "uneven.safetensors")
    save_file({**state, "rnn.weight_hh_l0": np.zeros((24, 12), np.float32)}, folder / "odd.safetensors")
    save_file({**state, "rnn.bias_hh_l0": np.full(12, np.nan, np.float32)}, folder / "nan.safetensors")
    save_file({**state, "rnn.bias_hh_l0": np.full(12, 1e300)}, folder / "large.safetensors")
    save_file({**state, "rnn.bias_hh_l3": np.zeros(12, np.float32)}, folder / "stray.safetensors")


REFUSED: dict[str, tuple[str, object, str | None, str]] = {
    "missing.safetensors ids.json": ("cannot read missing.safetensors", None, None, ""),
    "cut.safetensors ids.json": ("cut.safetensors is not a safetensors file", None, None, ""),
    "good.safetensors missing.json": ("cannot read missing.json", None, None, ""),
    "folder.pt ids.json": ("cannot read folder.pt (not a file)", None, None, ""),
    "large.safetensors ids.json": ("rnn.bias_hh_l0 has numbers that are not finite", None, None, "diverged"),
    "stray.safetensors ids.json": ("bias_hh_l3 is of layer 3, the layers are 1", None, None, ""),
    "good.safetensors none.json": ("the vocabulary in none.json", "no characters", "distinct single", ""),
    "good.safetensors gap.json": ("the vocabulary in gap.json", "no id 4", "distinct single", ""),
    "good.safetensors same.json": ("the vocabulary in same.json", "no id 30", "distinct single", ""),
    "good.safetensors number.json": ("the vocabulary in number.json", "int", "distinct single", ""),
    "good.safetensors twice.json": ("the vocabulary in twice.json", "'a' twice", "distinct single", ""),
    "good.safetensors words.json": ("the vocabulary in words.json", "<unk>", "distinct single", ""),
    "good.safetensors short.json": ("of the readout", None, None, "vocabulary of this network"),
    "other.safetensors ids.json": ("no recurrent layers", ["a"], "weight_ih_l0", ""),
    "two.safetensors ids.json": ("several modules have recurrent layers: x, y", None, None, "--map rnn=x"),
    "both-ways.safetensors ids.json": ("is of a bidirectional module", None, None, "read forward"),
    "projected.safetensors ids.json": ("is of a module with a projection", None, "proj_size=0", ""),
    "uneven.safetensors ids.json": ("the shape of weight_ih_l0", [11, 7], "[12, 7]", ""),
    "odd.safetensors ids.json": ("recurrent layers", None, "those of torch.nn.LSTM", ""),
    "nan.safetensors ids.json": (
        "rnn.bias_hh_l0 has numbers that are not finite",
        None,
        None,
        "before training diverged",
    ),
    "good.safetensors ids.json --map rnn": ("--map", "rnn", "PART=NAME", ""),
    "good.safetensors ids.json --map head=x": ("unknown part in --map", "head", "bias, embedding", ""),
    "good.safetensors ids.json --map readout=readout.weigth": (
        "readout=",
        "readout.weigth",
        "readout.weight",
        "",
    ),
    "good.safetensors ids.json --map rnn=core": ("--map rnn=", "core", "rnn", ""),
    "good.safetensors ids.json --map readout=embedding.weight": (
        "the shape of embedding.weight",
        [31, 7],
        "31, 12",
        "",
    ),
}


def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_bad(tmp_path)
    for words, (what, got, allowed, do) in REFUSED.items():
        file, vocabulary, *more = words.split()
        outcome = call("import-torch", file, "--vocabulary", vocabulary, "-o", "run", *more)
        assert outcome.code == 2, words
        error = outcome.error
        assert error is not None
        assert what in error.what, words
        assert got is None or error.got == got, words
        assert (allowed or "") in (error.allowed or ""), words
        assert do in (error.do or ""), words
        assert outcome.err.count("\n") == 1
        assert not Path("run").exists()


def write_safetensors(path: Path, arrays: State, kind: str) -> None:
    """Write arrays whose numbers have a type that NumPy may not have."""
    header, content = {}, b""
    for name, value in arrays.items():
        places = [len(content), len(content) + value.nbytes]
        header[name] = {"dtype": kind, "shape": value.shape, "data_offsets": places}
        content += value.tobytes()
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + content)


@pytest.mark.parametrize(("kind", "digits"), [("F64", 52), ("F16", 10), ("BF16", 7)])
def test_other_types_of_numbers_are_read(kind: str, digits: int, tmp_path: Path) -> None:
    network = make_network("rnn")
    state, symbols = shuffle(network)
    types = {"F64": np.float64, "F16": np.float16, "BF16": ml_dtypes.bfloat16}
    stored = {name: value.astype(types[kind]) for name, value in state.items()}
    write_safetensors(tmp_path / "made.safetensors", stored, kind)
    made = import_torch(tmp_path / "made.safetensors", write_characters(tmp_path / "ids.json", symbols))
    for name, value in network.params.items():
        np.testing.assert_allclose(made.params[name], value, rtol=2.0**-digits, atol=1e-6)


def test_numbers_of_other_types_and_more_parts_are_named(tmp_path: Path) -> None:
    state, symbols = shuffle(make_network("rnn"))
    ids = write_characters(tmp_path / "ids.json", symbols)
    more = {"norm.weight": np.ones(12, np.float32), "count": np.array(3)}
    assert "no such part: norm.weight" in import_torch(state | more, ids).notes[1]
    assert len(import_torch(state, ids).notes) == 1
    write_safetensors(tmp_path / "a.safetensors", {"a": np.zeros(3, np.int8)}, "F8_E4M3")
    with refused("the type of a", got="F8_E4M3", allowed="F64, F32, F16, BF16"):
        import_torch(tmp_path / "a.safetensors", ids)

    def fail() -> None:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")

    with refused(
        r"head.weight has no plain numbers (Cannot copy out of meta tensor; no data!)", do="save dense"
    ):
        import_torch(state | {"head.weight": SimpleNamespace(detach=fail)}, ids)
    around: dict[str, Any] = {}
    around["again"] = around
    with refused("the dictionaries of the state dict are nested too deeply"):
        import_torch(state | around, ids)


def test_two_modules_are_told_apart_by_map(tmp_path: Path) -> None:
    save_bad(tmp_path)
    network = make_network("rnn")
    made = import_torch(tmp_path / "two.safetensors", tmp_path / "ids.json", {"rnn": "y"})
    assert_same(made, network)


def test_files_of_pytorch_are_read_without_running_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch itself stands here as what `import_torch` calls of it."""
    state, symbols = shuffle(make_network("rnn"))
    ids, path = write_characters(tmp_path / "ids.json", symbols), tmp_path / "model.pt"
    path.write_bytes(b"")
    asked: list[dict[str, Any]] = []

    def load(_: Path, **how: Any) -> Any:
        asked.append(how)
        return answer

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(load=load))
    answer: Any = {"state_dict": state}
    assert_same(import_torch(path, ids), make_network("rnn"))
    assert asked == [{"map_location": "cpu", "weights_only": True}]
    answer = [state]
    with refused("the content of", got="list", allowed="a state dict"):
        import_torch(path, ids)
    monkeypatch.setitem(sys.modules, "torch", None)
    with refused("needs PyTorch", do="install torch, or save it as"):
        import_torch(path, ids)
