"""Scenes: changes of a run's folder while system calls fail, and what must hold afterwards.

Run by itself, `python -m checkpoint.scenes SCENE FOLDER`, it plays a scene again and again in children that die at
their first call, their second, and so on. One line for each: where it died, and what was wrong then, if anything.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from charloop.checkpoint import RunFolder, new_folder
from charloop.config import DataConfig, RunConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from checkpoint.faults import at_call, killed, killed_half_way

FACTS = {"best_step": 0}


def state_of(step: int) -> dict[str, np.ndarray]:
    """A state whose every number is its step."""
    return {"step": np.array(step, np.int32), "params/a": np.full((40, 50), step, np.float32)}


def is_of(tensors: dict[str, np.ndarray], step: int) -> bool:
    expected = state_of(step)
    return tensors.keys() == expected.keys() and all((tensors[n] == expected[n]).all() for n in expected)


def draft(path: Path) -> RunFolder:
    return RunFolder(path, RunConfig(DataConfig(("text",))), Vocabulary(("a", "b")), {})


def make(path: Path) -> None:
    """Write all of a new run, in the order of training."""
    with new_folder(path, overwrite=False):
        folder = draft(path)
        folder.begin()
        folder.checkpoints.write(0, state_of(0), FACTS, keep=2)
        folder.write_config()


def three_checkpoints(path: Path) -> None:
    make(path)
    for step in (10, 20):
        draft(path).checkpoints.write(step, state_of(step), FACTS, keep=2)
    draft(path).save_weights({"a": np.ones(3, np.float32)}, {"step": 10})


def save(path: Path) -> None:
    draft(path).checkpoints.write(30, state_of(30), FACTS, keep=2)


def a_checkpoint_is_intact_and_the_one_before_it_too(path: Path) -> str:
    """Empty if so."""
    folder = RunFolder.open(path)
    newest = folder.checkpoints.newest()
    step = int(newest.tensors["step"])
    if newest.notes:
        return f"a checkpoint is damaged: {newest.notes}"
    if step not in (20, 30) or not is_of(newest.tensors, step):
        return f"not an intact checkpoint: {step}"
    older = folder.checkpoints.read(folder.checkpoints.path_of(step - 10))
    return "" if is_of(older.tensors, step - 10) else "the checkpoint before it is not intact"


def keep_weights(path: Path) -> None:
    draft(path).save_weights({"a": np.full(3, 2, np.float32)}, {"step": 20})


def the_best_weights_are_whole(path: Path) -> str:
    weights, facts = RunFolder.open(path).load_weights()
    return "" if (weights["a"] == facts["step"] / 10).all() else f"half of each: {weights}, {facts}"


def is_a_run_or_can_be_made_one(path: Path) -> str:
    """A kill leaves a run that can be resumed, or a folder that a new run may use."""
    if (path / "config.json").exists():
        return (
            ""
            if is_of(RunFolder.open(path).checkpoints.newest().tensors, 0)
            else "a run without its first checkpoint"
        )
    make(path)
    return "" if is_of(RunFolder.open(path).checkpoints.newest().tensors, 0) else "not made"


@dataclass(frozen=True)
class Scene:
    """Preparation, action, and a check that returns what is wrong."""

    before: Callable[[Path], None]
    act: Callable[[Path], None]
    problem: Callable[[Path], str]


SCENES = {
    "save": Scene(three_checkpoints, save, a_checkpoint_is_intact_and_the_one_before_it_too),
    "weights": Scene(three_checkpoints, keep_weights, the_best_weights_are_whole),
    "make": Scene(lambda _: None, make, is_a_run_or_can_be_made_one),
}


def die_at(scene: Scene, path: Path, number: int, way: Callable) -> bool:
    """Play the scene in a child process that dies at that call; return whether it reached the call."""
    shutil.rmtree(path, ignore_errors=True)
    scene.before(path)
    child = os.fork()
    if not child:
        with at_call(number, way):
            scene.act(path)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def main(scene: Scene, path: Path) -> None:
    """One line for each death."""
    for way in (killed, killed_half_way):
        number = 0
        while die_at(scene, path, number, way):
            try:
                problem = scene.problem(path)
            except CharloopError as error:
                problem = str(error)
            print(f"{way.__name__} at call {number}: {problem}")
            number += 1


if __name__ == "__main__":
    main(SCENES[sys.argv[1]], Path(sys.argv[2]))
