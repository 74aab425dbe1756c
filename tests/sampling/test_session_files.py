"""A session in a file continues as if it had not been saved; other networks, weights and files are refused."""

import codecs
from pathlib import Path

import jax
import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.sampling import NoRepeat
from charloop.sessions import Session
from charloop.trained import TrainedModel

KNOWN = Vocabulary.of_text("\n abcdefgh")


def make_network(vocabulary: Vocabulary = KNOWN, seed: int = 0, hidden: int = 6) -> TrainedModel:
    config = ModelConfig(num_layers=2, hidden_size=hidden, embed_size=5)
    model = CharLM.build(config, vocabulary.size, vocabulary.end_id)
    return TrainedModel(model, model.init(jax.random.key(seed)), vocabulary, {"step": 100 * (seed + 1)})


@pytest.fixture(scope="module")
def network() -> TrainedModel:
    return make_network()


@pytest.fixture
def session(network: TrainedModel) -> Session:
    """It has read and written."""
    session = network.session(context="abc", seed=3, temperature=(0.4, 1.5), top_k=5, stop=("hhhhh", "ggggg"))
    session.read("abc")
    session.write(50)
    return session


def test_it_writes_what_the_network_samples(network: TrainedModel) -> None:
    session = network.session(seed=4, temperature=0.8, length=300)
    session.read("ab\r\nc")
    start = session.mark()
    text = session.write()
    assert text == network.sample("ab\r\nc", seed=4, temperature=0.8, length=300)[0]
    session.rewind(start)
    assert "".join(session.stream()) == text
    session.rewind(start)
    assert "".join(session.write(count) for count in (1, 150, 149)) == text


@pytest.mark.parametrize(
    "then", ["nothing", "read", "constrained", "fresh", "sample", "mark", "empty", "turns"]
)
def test_a_saved_session_continues(
    network: TrainedModel, session: Session, tmp_path: Path, then: str
) -> None:
    if then == "read":
        session.read("hg")
    if then == "constrained":
        session.write(20, constraints=[NoRepeat(4, KNOWN.size)])
    if then == "fresh":
        session = network.session(seed=5)
    if then == "sample":
        session.change(sample=2, bias={"a": 1.5})
    if then in ("empty", "turns"):
        session = network.session(seed=5, bias={"a": 30.0})
        session.read("b")
        assert session.write(9, stop="a") == ""
        session.change(bias={})
        session.read("cd" * (then == "turns"))
    if then == "mark":
        start = session.mark()
        session.write(30)
        session.rewind(start)
    session.save(tmp_path / "a.session")
    loaded = network.load_session(tmp_path / "a.session")
    assert (loaded.text, loaded.config, loaded.position) == (session.text, session.config, session.position)
    np.testing.assert_array_equal(loaded.ids, session.ids)
    for each in (loaded, session):
        each.read("a")
    rules = [NoRepeat(9, KNOWN.size)]
    assert loaded.copy().write(40, constraints=rules) == session.copy().write(40, constraints=rules)
    assert loaded.write(90) == session.write(90)
    np.testing.assert_array_equal(loaded.next().probabilities, session.next().probabilities)


def test_a_stop_string_may_begin_before_it_was_saved(network: TrainedModel, tmp_path: Path) -> None:
    session = network.session(seed=3)
    text = network.sample("", seed=3, length=30)[0]
    at = next(at for at in range(5, 29) if text.index(text[at : at + 2]) == at)
    session.write(at + 1)
    session.save(tmp_path / "a.session")
    assert network.load_session(tmp_path / "a.session").write(9, stop=text[at : at + 2]) == ""


def test_an_earlier_file_is_replaced_and_nothing_else_is_left(
    network: TrainedModel, session: Session, tmp_path: Path
) -> None:
    for _ in range(2):
        session.write(7)
        session.save(str(tmp_path / "a.session"))
    assert network.load_session(str(tmp_path / "a.session")).text == session.text
    assert [path.name for path in tmp_path.iterdir()] == ["a.session"]


def test_other_weights_are_refused_or_read_the_text_again(
    network: TrainedModel, session: Session, tmp_path: Path
) -> None:
    path, later = tmp_path / "a.session", make_network(seed=1)
    session.save(path)
    with pytest.raises(CharloopError) as refused:
        later.load_session(path)
    assert str(refused.value) == (
        f"{path} was saved with other weights, of step 100, and these are of step 200; load those, or give "
        "reread=True: then these weights read its text again"
    )
    reread = later.load_session(path, reread=True)
    assert (reread.text, reread.config, reread.position) == (session.text, session.config, session.position)
    fresh = later.session(context="abc")
    fresh.read_ids(session.ids)
    np.testing.assert_allclose(reread.next().probabilities, fresh.next().probabilities, rtol=1e-5)
    same = network.load_session(path, reread=True)
    assert same.write(30) == session.write(30)


@pytest.mark.parametrize(
    "other",
    [make_network(hidden=7), make_network(Vocabulary.of_text("\n abcdefgx"))],
    ids=["sizes", "symbols"],
)
def test_another_network_is_refused(session: Session, tmp_path: Path, other: TrainedModel) -> None:
    session.save(tmp_path / "a.session")
    with pytest.raises(
        CharloopError, match=r"a\.session is a session of another network; load the network that"
    ):
        other.load_session(tmp_path / "a.session", reread=True)


def test_files_that_are_no_sessions(network: TrainedModel, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    with pytest.raises(CharloopError, match=f"there is no session {path}"):
        network.load_session(path)
    session.save(path)
    content = path.read_bytes()
    changed = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    for damaged in (content[:-9], changed, b"", b"ROMEO: but soft\n" * 40):
        path.write_bytes(damaged)
        with pytest.raises(
            CharloopError, match=r"a\.session is no session, or damaged \(.*\); Session\.save makes one"
        ):
            network.load_session(path)
    network.save(tmp_path / "run")
    with pytest.raises(CharloopError, match="is no session of this version of charloop"):
        network.load_session(tmp_path / "run" / "model.safetensors")
    with pytest.raises(CharloopError, match="is no session, or damaged"):
        network.load_session(tmp_path)


def test_where_it_cannot_be_saved(session: Session, tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match="that is a folder"):
        session.save(tmp_path)
    with pytest.raises(CharloopError, match="there is no folder"):
        session.save(tmp_path / "nowhere" / "a.session")


@pytest.mark.slow
def test_bytes_of_a_character_may_come_in_two_pieces(tmp_path: Path) -> None:
    """Random weights write random bytes, of which some make characters."""
    session = make_network(Vocabulary.of_bytes()).session(seed=1, temperature=2.0)
    session.read("é")
    session.read(b"\xe6\xbc")
    assert session.text == "é\ufffd"
    assert session.next().symbols[0xE6] == b"\xe6"
    network, pieces = make_network(Vocabulary.of_bytes()), []
    for count in (0, *[1] * 300, 2, 3, 300):
        pieces.append(session.write(count))
        if len(pieces) % 60 == 0:
            session.save(tmp_path / "a.session")
            session = network.load_session(tmp_path / "a.session")
    written = bytes(session.ids[4:].tolist())
    assert len(written) == 605
    assert "".join(pieces) == codecs.getincrementaldecoder("utf-8")("replace").decode(written)
    assert sum(len(piece) == 1 and 0x80 <= ord(piece) < 0xFFFD for piece in pieces) > 3
