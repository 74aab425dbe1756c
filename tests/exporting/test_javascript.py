"""The JavaScript module, run in node."""

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

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
    make_network,
)
from exporting.test_numpy import load_exported

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")
HEAD = "import {load, write, next, score, facts, tables} from '%s';\nconst network = await load();\n"
RUN_TOKENS = """
const run = (network) => {
  const state = network.begin();
  return tokens.map((token) => [...network.step(token, state)]);
};
const plain = await load({wasm: false});
print([network.engine, run(network), plain.engine, run(plain)]);
"""
WRITE = """
const join = async (...how) => {
  let text = '';
  for await (const piece of write(...how)) text += piece;
  return text;
};
print(await Promise.all(cases.map((one) => join(...one))));
"""


def run_node(path: Path, code: str, **values: Any) -> Any:
    """Return what `code` prints. `values` are its constants."""
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    printing = "const print = (found) => console.log(JSON.stringify(found));\n"
    script = path.with_name("run.mjs")
    script.write_text(HEAD % path.name.join(("./", "")) + constants + printing + code, encoding="ascii")
    ran = subprocess.run([NODE or "", str(script)], capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def make_module(network: TrainedModel, folder: Path, **how: Any) -> Path:
    export(network, "js", folder / "made.mjs", **how)
    return folder / "made.mjs"


def check_logits(path: Path, tokens: np.ndarray, expected: np.ndarray) -> None:
    wasm, made, plain, slowly = run_node(path, RUN_TOKENS, tokens=tokens.tolist())
    assert (wasm, plain) == ("WebAssembly", "JavaScript")
    assert_close(np.array(made), expected)
    assert_close(np.array(slowly), expected)


@each_network
def test_the_module_computes_the_same_logits(kind: str, layers: int, tmp_path: Path) -> None:
    network = make_network(kind, layers)
    tokens = draw_tokens(network)
    check_logits(make_module(network, tmp_path), tokens, compute_logits(network, tokens))


def test_8_bit_weights_compute_what_rounded_weights_do(tmp_path: Path) -> None:
    network = make_network("tied")
    tokens = draw_tokens(network)
    check_logits(make_module(network, tmp_path, int8=True), tokens, compute_logits(quantize(network), tokens))


def test_the_module_writes_what_the_python_file_writes(tmp_path: Path) -> None:
    """Greedily also what charloop writes."""
    network = make_network("lstm")
    by_numpy = load_exported(network, tmp_path)
    ways = [(0.0, 0, 1.0), (1.0, 0, 1.0), (0.8, 5, 1.0), (1.2, 0, 0.7), (1.0, 9, 0.9)]
    cases, expected = [], []
    for seed, (temperature, top_k, top_p) in enumerate(ways):
        how = {"length": 200, "temperature": temperature, "seed": seed - 1}
        cases.append(["ab\n", how | {"topK": top_k, "topP": top_p}])
        made = by_numpy.Network()
        expected.append(made.decode(made.write("ab\n", top_k=top_k, top_p=top_p, **how)))
    assert run_node(make_module(network, tmp_path), WRITE, cases=cases) == expected
    assert [expected[0]] == network.sample("ab\n", length=200, temperature=0)


def test_a_byte_network_writes_and_reads_any_text(tmp_path: Path) -> None:
    network = make_network("bytes")
    by_numpy = load_exported(network, tmp_path).Network()
    prompt, how = "é\U0001f600\udcff", {"length": 300, "temperature": 2.5, "seed": 4}
    text = by_numpy.decode(by_numpy.write(prompt, **how))
    path = make_module(network, tmp_path)
    assert run_node(path, WRITE, cases=[[prompt, how]]) == [text]
    read, bits = run_node(
        path,
        "print([network.encode(prompt), (await score(prompt)).bitsPerToken])",
        prompt=prompt,
    )
    assert read == by_numpy.encode(prompt)
    assert bits * math.log(2) == pytest.approx(np.mean(by_numpy.score(prompt)), rel=1e-5)


def test_documents_begin_with_a_label_and_end(tmp_path: Path) -> None:
    network = make_network("labels")
    by_numpy = load_exported(network, tmp_path).Network()
    ways = [{"label": label, "seed": seed, "length": 500} for label in LABELS for seed in (1, 2)]
    documents = [by_numpy.decode(by_numpy.write("a", **how)) for how in ways]
    path = make_module(network, tmp_path)
    assert run_node(path, WRITE, cases=[["a", how] for how in ways]) == documents
    assert min(map(len, documents)) < 400, "some end"
    assert run_node(path, "print(network.labels)") == [*LABELS]


def test_what_may_come_next_and_what_a_text_costs(tmp_path: Path) -> None:
    """Also if several texts are read at once."""
    network, text = make_network("unknown"), "abc</script>?"
    by_numpy = load_exported(network, tmp_path).Network()
    costs = by_numpy.score(text)
    code = """
    const alone = await next('zz'), readings = [score(text), next('zz'), next(text.slice(0, -1))];
    print([alone, ...await Promise.all(readings)]);
    """
    alone, scored, beside, choices = run_node(make_module(network, tmp_path), code, text=text)
    assert beside == alone
    bits = [*scored["bits"].values()]
    np.testing.assert_allclose(np.array(bits) * math.log(2), costs, rtol=1e-5)
    chances = [one["probability"] for one in choices]
    assert sum(chances) == pytest.approx(1)
    assert chances == sorted(chances, reverse=True)
    unknown = next(one for one in choices if one["token"] == network.vocabulary.unknown_id)
    assert unknown["symbol"] is None
    assert -math.log(unknown["probability"]) == pytest.approx(costs[-1], rel=1e-5)


def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    code = """
    const found = [];
    const unknown = [() => next('?'), () => next('a', {label: 'x'}), () => next(5), () => score()];
    for (const one of [...unknown, ...wrong.map((how) => () => network.write('a', how).next())])
      await one().then(() => found.push(''), (error) => found.push(`${error.name}: ${error.message}`));
    print(found);
    """
    wrong = [{"topP": 0}, {"temperature": -1}, {"length": 1.5}, {"seed": "1"}, {"topK": None}, {"top_k": 5}]
    found = run_node(make_module(make_network("lstm"), tmp_path), code, wrong=wrong)
    assert found == [
        'RangeError: the network does not know the character "?"',
        'RangeError: the network does not know the label "x"',
        "TypeError: a text is 5: allowed is a string",
        "TypeError: a text is undefined: allowed is a string",
        "RangeError: topP is 0: allowed is a number, above 0 and at most 1",
        "RangeError: temperature is -1: allowed is a number, 0 or more",
        "RangeError: length is 1.5: allowed is an integer, 0 or more",
        'RangeError: seed is "1": allowed is an integer, of any sign',
        "RangeError: topK is null: allowed is an integer, 0 or more",
        "RangeError: unknown option top_k: allowed are length, temperature, topK, topP, seed, label, signal",
    ]


def test_an_option_that_is_undefined_is_left_out(tmp_path: Path) -> None:
    code = "print([(await write('a', {temperature: undefined, length: 9}).next()).done])"
    assert run_node(make_module(make_network("lstm"), tmp_path), code) == [False]


def test_the_module_is_ascii_whatever_it_holds(tmp_path: Path) -> None:
    network = make_network("labels")
    path = make_module(network, tmp_path, prompt="</script>\u202e\ud800`${a}")
    assert path.read_bytes().isascii()
    assert run_node(path, "print(tables.prompt)") == "</script>\u202e\ud800`${a}"
