"""Time the exported web page in Chromium: `python -m bench.export_page [--rounds N]`.

Characters per second by the clock, the best of the rounds, with WebAssembly and in plain JavaScript; and the sizes of
the files. Random weights, embedding 64, 65 characters. Needs playwright and Chromium.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.exported import make_network
from charloop.exporting import export

WRITE = """async ([wasm, length]) => {
  const network = await charloop.ready;
  if ((network.engine === "WebAssembly") !== wasm) throw new Error(`it runs in ${network.engine}`);
  let count = 0;
  const began = performance.now();
  for await (const piece of charloop.write("A", {length, seed: 1})) count += piece.length;
  return 1000 * count / (performance.now() - began);
}"""
WITHOUT = "WebAssembly.instantiate = () => Promise.reject(new Error('not wanted'));"


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--length", type=int, default=6000)
    flags = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for hidden in (128, 256):
            for cell in ("gru", "lstm"):
                network, paths = make_network(cell, hidden, 64), [Path(folder) / f"{n}.html" for n in "fi"]
                for path in paths:
                    export(network, "html", path, int8=path.stem == "i", overwrite=True)
                rates = {True: 0.0, False: 0.0}
                for wasm in [True, False] * flags.rounds:
                    page = browser.new_page()
                    if not wasm:
                        page.add_init_script(WITHOUT)
                    page.goto(f"{paths[0].as_uri()}?length=1")
                    length = flags.length if wasm else flags.length // 3
                    rates[wasm] = max(rates[wasm], page.evaluate(WRITE, [wasm, length]))
                    page.close()
                sizes = "  ".join(f"{path.stat().st_size / 1e6:.2f} MB" for path in paths)
                print(
                    f"{cell:4} 2 x {hidden}  {rates[True]:8,.0f}  {rates[False]:8,.0f}  {sizes}", flush=True
                )
    print("load", *os.getloadavg())


if __name__ == "__main__":
    main()
