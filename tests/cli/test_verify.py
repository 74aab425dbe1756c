"""`charloop verify`: what it did, the result, and an exit code for scripts."""

import json
from pathlib import Path

from cli.commands import call, done, prints, refused
from cli.test_refused_runs import flip_a_bit


def test_a_run_whose_last_steps_repeat_bit_for_bit(copied: Path) -> None:
    before = prints(copied)
    lines = done(call("verify", str(copied))).splitlines()
    assert lines[:2] == [
        f"run         {copied}",
        "repeats     8 steps: from the checkpoint after step 8 to step 16",
    ]
    assert [line.split()[0] for line in lines[2:-1]] == ["equal"] * 4
    assert lines[2] == "equal       losses and gradients of 8 steps"
    assert lines[-1] == "result      the same, bit for bit"
    assert prints(copied) == before


def test_a_run_whose_losses_were_changed_differs(copied: Path) -> None:
    metrics = copied / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    for line in lines:
        line["loss"] = 1.5 if line["step"] == 12 else line["loss"]
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = call("verify", str(copied))
    assert (found.code, found.err) == (1, "")
    assert "\nDIFFERENT   losses and gradients\n            loss of step 12: " in found.out
    assert "where the run had 1.5\n" in found.out
    assert found.out.endswith("\nresult      not the same\n")


def test_the_result_for_programs(copied: Path) -> None:
    found = json.loads(done(call("verify", str(copied), "--json", "--steps", "3")))
    assert (found["from_step"], found["to_step"], found["equal"]) == (8, 11, True)
    assert found["checks"] == [{"what": "losses and gradients of 3 steps", "difference": None}]
    assert found["notes"] == ["the last checkpoint is of step 16: with --steps 0 it is reached and compared"]
    flip_a_bit(copied / "model.safetensors")
    spoiled = call("verify", str(copied), "--json")
    assert (spoiled.code, json.loads(spoiled.out)["equal"]) == (1, False)


def test_invalid_steps_and_a_missing_run_are_refused(copied: Path) -> None:
    assert "--steps" in refused(call("verify", str(copied), "--steps", "-1"))
    assert "no such run" in refused(call("verify", "nowhere"))
