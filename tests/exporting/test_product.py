"""The WebAssembly of the page's products, in node."""

import json
import shlex
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

FORMS = Path(str(files("charloop.exporting.forms")))
SIZES = [(rows, columns) for rows in (0, 1, 3, 4, 9) for columns in (0, 1, 3, 4, 7, 16)]
RUN = """
const [path, cases] = process.argv.slice(1)
const bytes = require('fs').readFileSync(path)
if (WebAssembly.Module.imports(new WebAssembly.Module(bytes)).length) throw 'imports'
const {memory, add_product} = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports
memory.grow(1)
console.log(JSON.stringify(JSON.parse(cases).map(({w, x, y}) => {
  const put = (numbers, at) => { new Float32Array(memory.buffer, at, numbers.length).set(numbers); return at }
  add_product(put(y, 4), put(w, 1024), put(x, 516), y.length, x.length)
  return [...new Float32Array(memory.buffer, 4, y.length + 1)]
})))
"""


def run_products(path: Path, cases: list[dict[str, list[float]]]) -> list[list[float]]:
    """Return y after each case, and the number behind it in memory."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    command = ["node", "-e", RUN, str(path), json.dumps(cases)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    made: list[list[float]] = json.loads(ran.stdout)
    return made


def make_cases() -> list[dict[str, list[float]]]:
    draw = np.random.default_rng(0)
    shapes = ({"w": rows * columns, "x": columns, "y": rows} for rows, columns in SIZES)
    return [
        {name: draw.standard_normal(size).astype("f4").tolist() for name, size in s.items()} for s in shapes
    ]


def test_products_of_any_size_are_added() -> None:
    cases = make_cases()
    for case, (rows, columns), made in zip(
        cases, SIZES, run_products(FORMS / "product.wasm", cases), strict=True
    ):
        expected = np.array(case["w"]).reshape(rows, columns) @ np.array(case["x"]) + case["y"]
        np.testing.assert_allclose(made, [*expected, 0], atol=1e-5, err_msg=f"{rows} x {columns}")


def test_the_module_is_what_clang_makes_of_its_source(tmp_path: Path) -> None:
    if shutil.which("clang") is None or shutil.which("wasm-ld") is None:
        pytest.skip("clang or wasm-ld is not installed")
    source = (FORMS / "product.c").read_text("utf-8")
    command = source[source.index("clang ") : source.index("\n\n   The module")].replace("\\\n", " ")
    (tmp_path / "product.c").write_text(source)
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
    cases = make_cases()
    assert run_products(tmp_path / "product.wasm", cases) == run_products(FORMS / "product.wasm", cases)
