"""The C form, compiled and called."""

import ctypes
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

from charloop.exporting import export
from charloop.trained import TrainedModel
from exporting.networks import make_network

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


def compile_c(compiler: str, *arguments: str | Path) -> None:
    """Run a compiler; skip the test without it."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    ran = subprocess.run([compiler, *map(str, arguments)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[:3000]
    assert ran.stderr == ""


class NetworkInC:
    """An exported network as a shared library."""

    def __init__(self, network: TrainedModel, folder: Path, name: str = "made", **how: Any) -> None:
        self.source = folder / f"{name}.c"
        export(network, "c", self.source, **how)
        compile_c("gcc", *STRICT, "-O0", "-shared", "-fPIC", "-o", folder / f"{name}.so", self.source, "-lm")
        self.library, self.prefix = ctypes.CDLL(str(folder / f"{name}.so")), name
        header = (folder / f"{name}.h").read_text("ascii")
        numbers = re.findall(rf"#define {name.upper()}_(\w+) (-?\d+)", header)
        self.sizes = {what: int(number) for what, number in numbers}
        self.call("sample").argtypes = [
            *[ctypes.c_void_p] * 2,
            *(ctypes.c_double, ctypes.c_int, ctypes.c_double),
        ]
        self.state = (ctypes.c_uint32 * (self.sizes["STATE"] + 4))()
        self.logits = np.zeros(self.sizes["VOCABULARY"], np.float32)
        self.place = self.logits.ctypes.data_as(ctypes.c_void_p)

    def call(self, name: str) -> Any:
        return getattr(self.library, f"{self.prefix}_{name}")

    def begin(self, prompt: bytes = b"", seed: int = 0, label: int | None = None) -> int:
        """Return the bytes of the prompt that were read."""
        self.call("init")(self.state, ctypes.c_uint32(seed))
        labels = [] if self.sizes["LABELS"] == 0 else [-1 if label is None else label]
        read = self.call("begin")(self.state, *labels, prompt, ctypes.c_size_t(len(prompt)), self.place)
        return int(read)

    def next(self, token: int) -> np.ndarray:
        self.call("next")(self.state, token, self.place)
        return self.logits.copy()

    def run(self, tokens: np.ndarray) -> np.ndarray:
        """Return the logits after each token."""
        self.call("init")(self.state, 0)
        return np.array([self.next(token) for token in tokens.tolist()])

    def sample(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> int:
        return int(self.call("sample")(self.state, self.place, temperature, top_k, top_p))

    def decode(self, token: int) -> bytes:
        text = ctypes.create_string_buffer(4)
        size = self.call("decode")(token, text)
        return text.raw[:size]

    def encode(self, text: bytes) -> tuple[int, int]:
        """Return the token of the first character, and its bytes."""
        token = ctypes.c_int()
        taken = self.call("encode")(text, ctypes.c_size_t(len(text)), ctypes.byref(token))
        return token.value, int(taken)

    def write(
        self, prompt: bytes, length: int, *, seed: int = 0, label: int | None = None, **how: Any
    ) -> bytes:
        self.begin(prompt, seed, label)
        made = b""
        for _ in range(length):
            token = self.sample(**how)
            if token == self.sizes["END"]:
                break
            made += self.decode(token)
            self.next(token)
        return made


@cache
def compile_network(kind: str, layers: int = 1, **how: Any) -> NetworkInC:
    """Return a network of `KINDS`, compiled once in each process."""
    folder = Path(mkdtemp(dir=os.environ["CHARLOOP_TESTS"]))
    return NetworkInC(make_network(kind, layers), folder, **how)
