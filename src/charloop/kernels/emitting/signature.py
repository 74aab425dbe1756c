"""The signature of a kernel: each argument's name, type and shape, written once and checked at the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array

from charloop.errors import CharloopError

ArrayAxis = int | str
"""A size that is compiled in, or the name of one that the kernel reads at run time."""
Role = Literal["in", "out", "inout", "scratch"]


@dataclass(frozen=True)
class Argument:
    """An array argument: read, written, changed in place, or scratch memory."""

    name: str
    shape: tuple[ArrayAxis, ...]
    role: Role = "in"
    dtype: str = "float32"


@dataclass(frozen=True)
class Signature:
    """A kernel's arguments in the order of its function's addresses; its named sizes follow them."""

    arguments: tuple[Argument, ...]

    @cached_property
    def inputs(self) -> tuple[Argument, ...]:
        """The arrays that XLA passes in."""
        return tuple(a for a in self.arguments if a.role in ("in", "inout"))

    @cached_property
    def outputs(self) -> tuple[Argument, ...]:
        """The arrays that XLA allocates: results and scratch memory."""
        return tuple(a for a in self.arguments if a.role != "in")

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The names of the run-time sizes."""
        return tuple(dict.fromkeys(axis for a in self.arguments for axis in a.shape if isinstance(axis, str)))

    def locate(self, size: str) -> tuple[bool, int, int]:
        """Return where the handler reads a size: whether from an output, from which, and from which of its axes."""
        for written, group in enumerate((self.inputs, self.outputs)):
            for number, argument in enumerate(group):
                if size in argument.shape:
                    return bool(written), number, argument.shape.index(size)
        raise KeyError(size)

    def check(self, arrays: Mapping[str, Array]) -> dict[str, int]:
        """Return the named sizes of `arrays`. Raises TypeError if an array does not match the signature."""
        sizes: dict[str, int] = {}
        for argument in self.inputs:
            array = arrays[argument.name]
            shape = tuple(
                sizes.setdefault(axis, size) if isinstance(axis, str) else axis
                for axis, size in zip(argument.shape, array.shape, strict=False)
            )
            fits = array.shape == shape and len(shape) == len(argument.shape)
            if array.dtype != np.dtype(argument.dtype) or not fits:
                got, wanted = f"{array.dtype}{list(array.shape)}", f"{argument.dtype}{list(argument.shape)}"
                raise TypeError(f"a kernel's argument {argument.name!r} is {got}, not {wanted} with {sizes}")
        return sizes

    def call(self, name: str, arrays: Mapping[str, Array], **sizes: int) -> dict[str, Array]:
        """Let XLA call the kernel `name`, and return its results by name. `sizes` are those that no input has.

        Sizes are compiled in, so under `vmap` several calls run in sequence. Second derivatives are refused.
        """
        known = self.check(arrays) | sizes
        results = [
            jax.ShapeDtypeStruct([known[x] if isinstance(x, str) else x for x in a.shape], np.dtype(a.dtype))
            for a in self.outputs
        ]
        in_place = {i: self.outputs.index(a) for i, a in enumerate(self.inputs) if a.role == "inout"}
        foreign = jax.ffi.ffi_call(name, results, vmap_method="sequential", input_output_aliases=in_place)
        kernel = jax.custom_jvp(foreign)
        kernel.defjvp(_refuse)
        made = jax.tree.leaves(kernel(*(arrays[a.name] for a in self.inputs)))
        return {a.name: array for a, array in zip(self.outputs, made, strict=True) if a.role != "scratch"}


def _refuse(*_: Any) -> Any:
    raise CharloopError(
        "a second derivative of a kernel", do='build the layer or the model with unroll="scan"'
    )
