"""The folder for the Hugging Face hub, and the way there and back with huggingface_hub, against a stand-in."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors import safe_open

import charloop
from charloop.checkpoint.hub import hub_errors
from charloop.checkpoint.run_folder import RunFolder
from charloop.config import RunConfig
from charloop.exporting import export
from charloop.trained import TrainedModel
from cli.commands import assert_refused, call, done
from exporting.hub import Hub, serving
from exporting.networks import HOSTILE, make_network
from refusing import refused


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    with serving(made) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setenv("HF_TOKEN", "good")
        yield made


def assert_same(made: TrainedModel, network: TrainedModel) -> None:
    assert made.vocabulary == network.vocabulary
    for name, value in network.params.items():
        np.testing.assert_array_equal(made.params[name], value)


def read_header(card: str) -> dict[str, object]:
    """Return the front matter, which has one JSON value in each line."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert found is not None
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in found[1].splitlines())}


@pytest.mark.parametrize("kind", ["one-hot", "labels"])
def test_the_folder_is_a_run_and_has_a_card(kind: str, tmp_path: Path) -> None:
    network = make_network(kind)
    made = export(network, "safetensors", tmp_path / "made", license="mit")
    assert made.notes == ()
    names = ["README.md", "config.json", "model.safetensors", "vocabulary.json"]
    assert sorted(path.name for path in made.files) == names
    assert_same(charloop.load(tmp_path / "made"), network)
    with safe_open(tmp_path / "made/model.safetensors", "np") as file:
        assert file.metadata()["format"] == "pt"
    card = (tmp_path / "made/README.md").read_text()
    header = read_header(card)
    assert (header["library_name"], header["license"]) == ("charloop", "mit")
    assert "runs no code" in card


def test_without_a_license_the_card_names_none(tmp_path: Path) -> None:
    made = export(make_network("one-hot"), "safetensors", tmp_path / "made")
    assert "names no license" in made.notes[0]
    assert "license" not in read_header((tmp_path / "made/README.md").read_text())
    with refused("--license and --to numpy do not go together"):
        export(make_network("one-hot"), "numpy", tmp_path / "made.py", license="mit")


def test_a_hostile_description_stays_in_its_place(tmp_path: Path) -> None:
    hostile = f"---\n```\n# x\n{HOSTILE}"
    network = make_network("one-hot")
    run = RunFolder(
        tmp_path, RunConfig(model=network.model.config), network.vocabulary, {"description": hostile}
    )
    export(
        dataclasses.replace(network, run=run),
        "safetensors",
        tmp_path / "made",
        license=f"a: b\n---\n{HOSTILE}",
    )
    content = (tmp_path / "made/README.md").read_bytes()
    card = content.decode("ascii")
    assert read_header(card)["license"] == f"a: b\n---\n{HOSTILE}"
    facts = json.loads(card.split("```json\n")[1].split("\n```\n")[0])
    assert facts["text"]["description"] == hostile
    assert card.count("\n---\n") == 1


def test_a_network_goes_to_the_hub_and_back(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_network("one-hot"), make_network("rnn")
    address = charloop.push(first, "me/net", private=True, license="mit")
    assert re.fullmatch(r"http://127.0.0.1:\d+/me/net/commit/\w{40}", address)
    ((old, files),) = hub.repos["me/net"].items()
    assert read_header(files["README.md"].decode())["license"] == "mit"
    assert hub.tokens == {"Bearer good"}
    assert hub.private == {"me/net": "private"}
    second.save(tmp_path / "run")
    said = done(call("push", str(tmp_path / "run"), "me/net", "--private"))
    assert "hf:me/net" in said
    assert "me/net is there: a new commit replaces its files" in said
    assert "--private does not change" in said
    assert "is there" not in done(call("push", str(tmp_path / "run"), "me/new"))
    assert_same(charloop.load("hf:me/net"), second)
    assert_same(charloop.load("hf:me/net", revision=old), first)
    assert_same(charloop.load(f"hf:me/net@{old}"), first)
    hub.calls.clear()
    charloop.load(f"hf:me/net@{old}")
    assert not [line for line in hub.calls if "/resolve/" in line]
    assert "one-hot" in done(call("info", f"hf:me/net@{old}"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.calls.clear()
    assert_same(charloop.load("hf:me/net"), second)
    with refused("hf:me/other is not in the cache"):
        charloop.load("hf:me/other")
    assert hub.calls == []


def test_what_the_hub_refuses_is_one_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos["me/net"] = {}
    assert_refused(call("info", "hf:me/missing"), "hf:me/missing is not there", do="hf auth login")
    assert_refused(call("info", "hf:me/net@v9"), "hf:me/net@v9 has no such revision", do="branch, tag")
    assert_refused(call("info", "hf:a b"), "hf:a b is not a name on the hub", do="hf:USER/NAME")
    calls = len(hub.calls)
    assert_refused(call("info", "me/net"), "no such run", "me/net", do="charloop train")
    assert_refused(call("push", "nowhere", "net"), "the repository", "net", "USER/NAME")
    assert_refused(call("push", "nowhere", "me/net"), "no such run", "nowhere", do="charloop train")
    with refused("the repository", got="me/..", allowed="USER/NAME"):
        charloop.push(make_network("one-hot"), "me/..")
    with refused("revision", got="v1", allowed="hf:USER/NAME"):
        charloop.load("me/net", revision="v1")
    assert len(hub.calls) == calls
    with refused("me/net: the hub cannot be used (its answer is unclear)"), hub_errors("me/net"):
        raise KeyError("id")
    monkeypatch.setenv("HF_TOKEN", "bad")
    with refused("me/net: the hub refuses this token", do="hf auth login"):
        charloop.push(make_network("one-hot"), "me/net")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert_refused(call("info", "hf:me/net"), "needs the package huggingface_hub", do="charloop[hub]")
