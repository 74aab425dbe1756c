"""Run folders in which something is wrong, and the commands that a person would give about them."""

import json
import random
from pathlib import Path
from typing import Any

from charloop.checkpoint import load_tensors, save_tensors
from fuzz import odd_bytes, odd_entries, odd_values
from fuzz.oracle import Case
from fuzz.sandbox import Sandbox

STEPS = 100
"""More steps than any case makes."""


def make(sandbox: Sandbox, chance: random.Random) -> Case:
    """Make a command about a run of which one or several parts are spoiled."""
    case = command(sandbox, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        files = sandbox.files()
        if files:
            case.done.append(spoil(chance.choice(files), sandbox, chance))
    if chance.random() < 0.1:
        case.done.append(plant(sandbox, chance))
    return case


def command(sandbox: Sandbox, chance: random.Random) -> Case:
    """Choose what is done with the run."""
    run, newest = str(sandbox.run), ["--weights", "last"] if chance.random() < 0.4 else []
    kind = chance.choices(
        ("info", "sample", "eval", "text", "resume", "init", "config", "verify", "compare", "plot", "report"),
        (34, 20, 8, 20, 12, 4, 4, 8, 10, 4, 4),
    )[0]
    quick = ["--devices", "99"]
    small = [*("--steps", "1", "--preset", "tiny", "--hidden-size", "12", "--embed-size", "6"), *quick]
    lines: dict[str, tuple[list[str], tuple[str, ...]]] = {
        "info": (["info", run, *chance.choice(([], ["--json"], ["--toml"]))], ()),
        "sample": (["sample", run, "--length", "5", *newest], ()),
        "eval": (["eval", run, *newest], ()),
        "text": (["eval", run, "--text", "the fox", *newest], ()),
        "resume": (["train", "--resume", run, "--steps", str(resume_to(chance))], ("run",)),
        "init": (["train", str(sandbox.book), "--init-from", run, "--output", "new", *small], ()),
        "verify": (["verify", run, "--steps", "1"], ()),
        "compare": (["compare", run, run, *newest, *chance.choice(([], ["--json"]))], ()),
        "plot": (["plot", run, "-o", "curves.svg"], ("work/curves.svg",)),
        "report": (["report", run, "--text", "the fox", "-o", "page.html", *newest], ("work/page.html",)),
        "config": (
            ["train", str(sandbox.book), "--config", f"{run}/config.json", "--output", "new", *quick],
            (),
        ),
    }
    argv, writes = lines[kind]
    return Case(argv, writes=writes, codes=(1,) if kind == "verify" else ())


def resume_to(chance: random.Random) -> int:
    """Return one more step than the run has, or its own number of steps, which leaves nothing to do."""
    return chance.choice((17, 17, 17, 16))


def spoil(path: Path, sandbox: Sandbox, chance: random.Random) -> str:
    """Do something to a file of the run, and return what."""
    name = path.relative_to(sandbox.run)
    kinds = {"entry": 4, "bytes": 4, "splice": 1, "swap": 1, "values": 8}
    kind = chance.choices(list(kinds), list(kinds.values()))[0]
    other = chance.choice(sandbox.files())
    if kind == "entry":
        return f"{name}: {odd_entries.replace(path, sandbox.outside, chance)}"
    if kind == "swap":
        odd_entries.swap(path, other)
        return f"{name} and {other.name} swapped"
    if kind == "values":
        return f"{name}: {say(path, chance)}"
    if kind == "splice":
        path.write_bytes(odd_bytes.splice(small(path), small(other), chance))
        return f"{name}: its beginning, the end of {other.name}"
    content, change = odd_bytes.mutate(small(path), chance)
    path.write_bytes(content)
    return f"{name}: {change}"


def small(path: Path) -> bytes:
    """Return the content of a file; of a file with a hole only the beginning."""
    with path.open("rb") as file:
        return file.read(1 << 20)


def say(path: Path, chance: random.Random) -> str:
    """Change what a file says, in its own format and with correct checksums, as an attacker would."""
    try:
        if path.suffix == ".json":
            values, change = odd_values.mutate(json.loads(small(path)), chance)
            path.write_text(json.dumps(values))
            return change
        if path.suffix == ".jsonl":
            return say_in_lines(path, chance)
        if path.suffix == ".safetensors":
            return say_in_tensors(path, chance)
    except Exception as error:  # a file that was spoiled before may be unreadable
        return f"left as it is ({error})"
    content, change = odd_bytes.mutate(small(path), chance)
    path.write_bytes(content)
    return change


def say_in_lines(path: Path, chance: random.Random) -> str:
    lines = small(path).splitlines()
    number = chance.randrange(len(lines))
    values, change = odd_values.mutate(json.loads(lines[number]), chance)
    lines[number] = json.dumps(values).encode()
    path.write_bytes(b"\n".join(lines) + chance.choice((b"\n", b"", b"\n\n\0")))
    return f"line {number}: {change}"


def say_in_tensors(path: Path, chance: random.Random) -> str:
    """Write other arrays or other facts, with a checksum that fits them."""
    tensors, metadata = load_tensors(path)
    name = chance.choice(sorted(tensors))
    action = chance.choice(("facts", "facts", "metadata", "gone", "more", "type", "shape", "numbers"))
    if action == "facts":
        facts, change = odd_values.mutate(json.loads(metadata["facts"]), chance)
        metadata["facts"] = chance.choice((json.dumps(facts), json.dumps(facts), "", "{", "[" * 50_000))
    elif action == "metadata":
        values: dict[str, Any] = dict(metadata)
        changed, change = odd_values.mutate(values, chance)
        metadata = (
            {k: v for k, v in changed.items() if isinstance(v, str)} if isinstance(changed, dict) else {}
        )
    else:
        change = f"{name} {action}"
        change_tensor(tensors, name, action, chance)
    metadata = {k: v.encode("utf-8", "replace").decode() for k, v in metadata.items() if k.isprintable()}
    save_tensors(path, tensors, metadata)
    return f"{action}: {change}, its checksum right"


def change_tensor(tensors: dict[str, Any], name: str, action: str, chance: random.Random) -> None:
    import numpy as np

    value = tensors[name]
    if action == "gone":
        del tensors[name]
    elif action == "more":
        tensors[chance.choice(("../../x", "", "params/x", "rnn.weight_hh_l9", "x" * 9999))] = value
    elif action == "type":
        tensors[name] = value.astype(chance.choice((np.int8, np.float64, np.bool_, np.float16, np.uint32)))
    elif action == "shape":
        tensors[name] = chance.choice((value[None], value.ravel(), np.zeros((0, *value.shape), value.dtype)))
    else:
        odd = chance.choice((np.nan, np.inf, -np.inf, 1e38, 0, -1, 2**31 - 1))
        with np.errstate(all="ignore"):
            tensors[name] = np.full_like(
                value, odd if value.dtype.kind == "f" or np.isfinite(odd) else 0, casting="unsafe"
            )


def plant(sandbox: Sandbox, chance: random.Random) -> str:
    """Put a file into the run that does not belong there, and return which."""
    name = chance.choice(
        ("cell.py", "samples.py", "a\nb", "\udcff", ".hidden", "metrics.jsonl.tmp", "config.toml")
    )
    path = sandbox.run / name
    path.write_text(f"open({str(sandbox.outside / 'code-was-run')!r}, 'w')\n")
    return f"{name!r} planted"
