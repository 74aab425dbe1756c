"""The C form as WebAssembly, built by clang without a C library, in node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from charloop.exporting import export
from exporting.in_c import compile_c
from exporting.networks import assert_close, draw_tokens, expect_logits, make_network
from exporting.test_numpy import load_exported

SOURCE = """
#include "made.h"
#define EXPORT(name) __attribute__((export_name(#name))) name
static made_state state;
static float logits[MADE_VOCABULARY];
void EXPORT(init)(uint32_t seed) { made_init(&state, seed); }
float *EXPORT(next)(int token) { made_next(&state, token, logits); return logits; }
int EXPORT(sample)(double temperature) { return made_sample(&state, logits, temperature, 0, 0.9); }
"""
RUN = """
const [path, size, tokens] = process.argv.slice(1)
const module = new WebAssembly.Module(require('fs').readFileSync(path))
const {memory, init, next, sample} = new WebAssembly.Instance(module, {env: {exp: Math.exp}}).exports
init(0)
const logits = JSON.parse(tokens).map(token => [...new Float32Array(memory.buffer, next(token), Number(size))])
const drawn = []
for (let n = 0; n < 50; n++) { drawn.push(sample(0.8)); next(drawn.at(-1)) }
console.log(JSON.stringify([logits, drawn]))
"""
FLAGS = (
    "--target=wasm32 -nostdlib -O3 -ffast-math -msimd128 -mbulk-memory -DCHARLOOP_FREESTANDING -Wall -Werror"
)


@pytest.mark.parametrize(("kind", "int8"), [("lstm", False), ("ln-lstm", True)])
def test_node_computes_the_same_logits_and_draws_the_same_text(kind: str, int8: bool, tmp_path: Path) -> None:
    for needed in ("node", "wasm-ld"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    network = make_network(kind, 1)
    export(network, "c", tmp_path / "made.c", int8=int8)
    (tmp_path / "wasm.c").write_text(SOURCE)
    flags = [*FLAGS.split(), "-Wl,--no-entry", "-Wl,--allow-undefined"]
    compile_c("clang", *flags, "-o", tmp_path / "made.wasm", tmp_path / "wasm.c", tmp_path / "made.c")
    tokens = draw_tokens(network)
    command = [
        "node",
        "-e",
        RUN,
        tmp_path / "made.wasm",
        str(network.vocabulary.size),
        json.dumps(tokens.tolist()),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    logits, drawn = json.loads(ran.stdout)
    assert_close(np.array(logits), expect_logits(kind, int8=int8))
    python = load_exported(network, tmp_path, int8=int8)
    made, draw = python.Network(), python.random_numbers(0)
    state, expected = made.begin(), []
    for token in tokens.tolist():
        row, state = made.step(token, state)
    for _ in range(50):
        expected.append(python.choose(row, 0.8, 0, 0.9, next(draw)))
        row, state = made.step(expected[-1], state)
    assert drawn == expected
