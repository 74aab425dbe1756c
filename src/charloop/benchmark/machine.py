"""What figures belong to: the machine, the versions, the commit, and how fast it multiplies matrices."""

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from charloop.benchmark.serve import SETTLE
from charloop.devices import count_cores, name_processor

MATRIX = 1024
"""Rows and columns of the matrices whose product is the yardstick."""


def machine() -> dict[str, Any]:
    """The processor, its cores, the versions, the commit if the code lies in a repository."""
    return {
        "processor": name_processor(),
        "cores": count_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "jax": version("jax"),
        "numpy": version("numpy"),
        "charloop": version("charloop"),
        "commit": commit(),
    }


def commit() -> str | None:
    """The commit of the code that runs, with a `+` where files differ from it; None outside a repository."""
    try:
        # An installed charloop may lie in somebody else's repository, whose commit would say nothing.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("describe", "--always", "--abbrev=12", "--dirty=+")
    except (OSError, subprocess.CalledProcessError):
        return None


def git(*arguments: str) -> str:
    """What git says of the folder that this file lies in."""
    call = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()


class MatrixRate:
    """Float32 matrix products by NumPy's library, on all cores: what the machine can do at best."""

    def __init__(self) -> None:
        self.left = np.random.default_rng(0).standard_normal((MATRIX, MATRIX)).astype(np.float32)
        self.out = np.empty_like(self.left)

    def measure(self) -> float:
        """Floating-point operations a second of one product, when all is quiet and its data is near."""
        time.sleep(SETTLE)
        np.matmul(self.left, self.left, out=self.out)
        begun = time.perf_counter()
        np.matmul(self.left, self.left, out=self.out)
        return 2 * MATRIX**3 / (time.perf_counter() - begun)
