"""The Python file, loaded and run without charloop."""

import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from charloop.exporting import export
from charloop.exporting.quantizing import quantize
from charloop.trained import TrainedModel
from exporting.networks import (
    LABELS,
    assert_close,
    compute_logits,
    draw_tokens,
    each_network,
    expect_logits,
    make_network,
)


def load_exported(network: TrainedModel, folder: Path, **how: object) -> ModuleType:
    path = folder / "made.py"
    export(network, "numpy", path, **how)
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_tokens(module: ModuleType, tokens: np.ndarray) -> np.ndarray:
    network = module.Network()
    state, made = network.begin(), []
    for token in tokens.tolist():
        logits, state = network.step(token, state)
        made.append(logits)
    return np.array(made)


@each_network
def test_the_file_computes_the_same_logits(kind: str, layers: int, tmp_path: Path) -> None:
    network = make_network(kind, layers)
    tokens = draw_tokens(network)
    module = load_exported(network, tmp_path)
    assert_close(run_tokens(module, tokens), expect_logits(kind, layers))
    assert len((tmp_path / "made.py").read_text().splitlines()) <= 150


@pytest.mark.parametrize("kind", ["lstm", "tied", "one-hot", "gru-original", "ln-lstm"])
def test_8_bit_weights_compute_what_rounded_weights_do(kind: str, tmp_path: Path) -> None:
    network = make_network(kind, 2)
    tokens = draw_tokens(network)
    rounded = compute_logits(quantize(network), tokens)
    module = load_exported(network, tmp_path, int8=True)
    assert_close(run_tokens(module, tokens), rounded)
    assert np.abs(rounded - compute_logits(network, tokens)).max() > 1e-4
    assert all("scales" in place for place in module.PLACES if place["rows"] > 1)


@pytest.mark.parametrize("kind", ["lstm", "bytes", "unknown"])
def test_the_file_writes_the_greedy_text(kind: str, tmp_path: Path) -> None:
    network = make_network(kind, 2)
    made = load_exported(network, tmp_path).Network()
    for prompt in ("", "abba"):
        written = made.decode(made.write(prompt, length=100, temperature=0))
        assert [written] == network.sample(prompt, length=100, temperature=0)


def test_what_a_prompt_shares_with_the_opening_is_read_once(tmp_path: Path) -> None:
    module = load_exported(make_network("lstm"), tmp_path)
    made, opening = module.Network(), module.TABLES["opening"]
    assert opening
    np.testing.assert_array_equal(made.read(made.decode(opening) + "ab")[0], made.read("ab")[0])


def test_a_document_begins_with_its_label_and_ends(tmp_path: Path) -> None:
    network = make_network("labels", 1)
    made = load_exported(network, tmp_path).Network()
    for label in LABELS:
        (document,) = network.documents("a", label=label, temperature=0, max_length=200).take(1)
        assert "a" + made.decode(made.write("a", length=200, temperature=0, label=label)) == document.text


def test_a_score_is_that_of_charloop(tmp_path: Path) -> None:
    network = make_network("lstm", 2)
    costs = load_exported(network, tmp_path).Network().score("abcabc</script>")
    expected = network.evaluate("abcabc</script>").per_character
    assert expected is not None
    np.testing.assert_allclose(costs[1:], expected, rtol=1e-5)


def test_top_k_and_top_p_keep_the_likeliest(tmp_path: Path) -> None:
    module = load_exported(make_network("lstm"), tmp_path)
    logits, draws = np.log([0.1, 0.4, 0.3, 0.2]), np.arange(0, 1, 0.001)

    def kept(temperature: float, top_k: int, top_p: float) -> list[float]:
        chosen = [module.choose(logits, temperature, top_k, top_p, draw) for draw in draws]
        return [round(share, 2) for share in np.bincount(chosen, minlength=4) / len(draws)]

    assert kept(1, 0, 1) == [0.1, 0.4, 0.3, 0.2]
    assert kept(1, 2, 1) == [0, 0.57, 0.43, 0]
    assert kept(1, 0, 0.69) == [0, 0.57, 0.43, 0]
    assert kept(1, 0, 0.71) == [0, 0.44, 0.33, 0.22]
    assert kept(0, 0, 1) == [0, 1, 0, 0]
    assert kept(0.5, 0, 1) == [0.03, 0.53, 0.3, 0.13]


def test_random_numbers_are_those_of_the_authors_c_code(tmp_path: Path) -> None:
    """xoshiro128** 1.1 with the state 1, 2, 3, 4 draws 11520, 0, 5927040, 70819200; here after the seed 0."""
    draws = load_exported(make_network("rnn"), tmp_path).random_numbers(0)
    made = [int(next(draws) * 2**32) for _ in range(4)]
    assert made == made_by_c(0, 4)


def made_by_c(seed: int, count: int) -> list[int]:
    """Compute the same numbers with NumPy's 32-bit integers, written from the authors' C code."""
    words, state = np.uint32(seed), []
    with np.errstate(over="ignore"):
        for _ in range(4):
            words = np.uint32(words + np.uint32(0x9E3779B9))
            z = words
            z = np.uint32((z ^ (z >> np.uint32(16))) * np.uint32(0x21F0AAAD))
            z = np.uint32((z ^ (z >> np.uint32(15))) * np.uint32(0x735A2D97))
            state.append(np.uint32(z ^ (z >> np.uint32(15))))

        def rotl(x: np.uint32, k: int) -> np.uint32:
            return np.uint32((x << np.uint32(k)) | (x >> np.uint32(32 - k)))

        found = []
        for _ in range(count):
            found.append(int(np.uint32(rotl(np.uint32(state[1] * np.uint32(5)), 7) * np.uint32(9))))
            t = np.uint32(state[1] << np.uint32(9))
            state[2] ^= state[0]
            state[3] ^= state[1]
            state[1] ^= state[2]
            state[0] ^= state[3]
            state[2] ^= t
            state[3] = rotl(state[3], 11)
    return found


def run_made(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", "-I", "made.py", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder)


def test_the_file_runs_as_a_program(tmp_path: Path) -> None:
    network = make_network("lstm", 2)
    made = load_exported(network, tmp_path, prompt="ab", length=40, temperature=0).Network()
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfabc\r\nabc")
    (text,) = network.sample("ab", length=40, temperature=0)
    assert run_made(tmp_path).stdout == f"ab{text.encode(errors='replace').decode()}\n"
    bits = np.mean(made.score("abc\nabc")) / math.log(2)
    assert run_made(tmp_path, "--score", "text").stdout == f"{bits:.4f} bits per character\n"


def test_the_program_of_a_byte_network_scores_the_bytes_as_they_are(tmp_path: Path) -> None:
    made = load_exported(make_network("bytes"), tmp_path).Network()
    content = b"\xef\xbb\xbfa\r\nb\r\xff\xfe\xed\xa0\x80"
    (tmp_path / "text").write_bytes(content)
    (logits, state), costs = made.read(""), []
    for token in content:
        costs.append(np.log(np.exp(logits).sum()) - logits[token])
        logits, state = made.step(token, state)
    bits = np.mean(costs) / math.log(2)
    assert run_made(tmp_path, "--score", "text").stdout == f"{bits:.4f} bits per character\n"


def test_the_program_takes_a_label(tmp_path: Path) -> None:
    made = load_exported(make_network("labels"), tmp_path).Network()
    (tmp_path / "text").write_bytes(b"abc")
    written, scores = set(), set()
    for label in LABELS:
        text = made.decode(made.write("a", length=200, seed=1, label=label)).encode(errors="replace")
        how = ["--label", label, "--length", "200", "--prompt", "a", "--seed", "1"]
        assert run_made(tmp_path, *how).stdout == f"a{text.decode()}\n"
        bits = np.mean(made.score("abc", label)) / math.log(2)
        assert (
            run_made(tmp_path, "--label", label, "--score", "text").stdout
            == f"{bits:.4f} bits per character\n"
        )
        written.add(text)
        scores.add(bits)
    assert len(written) > 1
    assert len(scores) == len(LABELS)
    done = run_made(tmp_path, "--label", "x")
    assert done.returncode == 2
    assert "argument --label: invalid choice: 'x' (choose from '</script>'" in done.stderr
    assert done.stderr.count("\n") == 1


WRONG = {
    "--score missing": "No such file or directory: 'missing'",
    "--score empty": "empty is empty",
    "--score unknown": "does not know the character 'z'",
    "--score binary": "can't decode byte 0xff",
    "--prompt abz": "does not know the character 'z'",
    "--length x": "argument --length: invalid int value: 'x'",
    "--length -1": "allowed: length",
    "--temperature nan": "allowed: length, temperature",
    "--top-k -1": "allowed: length, temperature and top_k",
    "--top-p 0": "top_p above 0",
    "--label": "unrecognized arguments: --label",
}


def test_the_program_reports_mistakes_in_one_line(tmp_path: Path) -> None:
    load_exported(make_network("lstm"), tmp_path)
    for name, content in {"empty": b"", "unknown": b"abz", "binary": b"a\xff"}.items():
        (tmp_path / name).write_bytes(content)
    for words, said in WRONG.items():
        done = run_made(tmp_path, *words.split())
        assert done.returncode == 2, words
        assert done.stdout == "", words
        assert done.stderr.startswith("made.py: "), words
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
