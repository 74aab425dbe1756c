"""Settings files that are not TOML, or have odd values."""

import json
import random
from datetime import date, time
from typing import Any

import tomli_w

from charloop.configfile import to_dict
from charloop.presets import find_preset
from fuzz import odd_bytes, odd_entries, odd_values
from fuzz.oracle import Case
from fuzz.sandbox import Sandbox

SNIPPETS = (
    b"a = " + b"[" * 50_000,
    b"a" + b".a" * 20_000 + b" = 1\n",
    b"[" + b"a." * 3_000 + b"a]\n",
    b"[model]\nhidden_size = " + b"9" * 6_000 + b"\n",
    b"[model]\nhidden_size = 0x" + b"f" * 6_000 + b"\n",
    b"[training]\nlearning_rate = 1" + b"0" * 6_000 + b".0\n",
    b"[model]\nhidden_size = 1_0\nhidden_size = 2\n",
    b"[model]\n[model]\n",
    b"[[model]]\nhidden_size = 3\n[[model]]\n",
    b"[model.cell]\nx = 1\n",
    b'"model"."hidden_size" = 12\n',
    b"[training]\nsteps = 1979-05-27T07:32:00Z\n",
    b"[training]\nminutes = 07:32:00\n",
    b"[training]\nlearning_rate = -nan\n",
    b'[model]\ncell = "\\ud800"\n',
    b'[model]\ncell = "\\U00110000"\n',
    b"[data]\ncorpus = 'book'\n",
    b"[data]\ncorpus = [[]]\n",
    b"[model]\ncell = 'cell.py:Own'\n",
    b"text = 3\nformat = 9\ncharloop = 1\n",
    b"\xef\xbb\xbf[model]\nhidden_size = 12\n",
    b"[model]\r\nhidden_size = 12\r\n",
    b"#" + b"x" * 300_000,
    b"x = '''" + b"\n" * 100_000,
)
ODD = (*(v for v in odd_values.ODD if v is not None), date(1, 1, 1), time(23, 59))
LIMITS = {"epochs", "steps", "minutes"}


def make(sandbox: Sandbox, chance: random.Random) -> Case:
    """Make a training with settings in which something is wrong; few of them get as far as reading a text."""
    file = (
        sandbox.box
        / "texts"
        / chance.choice(("run.toml", "run.toml", "run.toml", "run", "run.json", "\u00e9.TOML"))
    )
    content, change = written(chance, as_json=file.suffix == ".json")
    file.write_bytes(content)
    if chance.random() < 0.1:
        change = odd_entries.replace(file, sandbox.outside, chance, named=True)
    text = str(sandbox.book) if chance.random() < 0.2 else "nowhere.txt"
    argv = ["train", text, "--config", str(file), "--steps", "1", "--devices", "99"]
    return Case(argv, [f"{file.name}: {change}"], large=True)


def written(chance: random.Random, *, as_json: bool) -> tuple[bytes, str]:
    """Return the content of the file, and how it was made."""
    kind = chance.choice(("snippet", "values", "values", "values", "bytes", "bytes"))
    if kind == "snippet":
        number = chance.randrange(len(SNIPPETS))
        return SNIPPETS[number], f"snippet {number}"
    values: Any = to_dict(find_preset(chance.choice(("tiny", "fast", "base"))))
    change = ""
    if kind == "values":
        values, change = odd_values.mutate(values, chance)
    content = json.dumps(values).encode() if as_json else as_toml(values)
    if kind == "bytes":
        content, change = odd_bytes.mutate(content, chance)
    return content, f"{change}: {content[-300:]!r}" if len(content) < 300 else change


def as_toml(values: Any) -> bytes:
    """Return `value` as TOML; what TOML cannot say is written as JSON."""
    try:
        return tomli_w.dumps(values).encode()
    except Exception:
        lines = [f"[{name}]" for name in values] if isinstance(values, dict) else [json.dumps(values)]
        return "\n".join([*lines, json.dumps(values)]).encode(errors="surrogatepass")
