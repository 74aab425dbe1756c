"""A plugin of llm, the command line for language models: `llm -m charloop/PATH "prompt"`, where PATH is a run.

llm asks for models by their names and takes no pattern. So these are offered: the runs in `runs/`, every
`charloop/PATH` that stands on the command line, and that of LLM_MODEL and of `llm models default`.
"""

import os
import re
import secrets
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import llm
from pydantic import Field

from charloop.checkpoint.names import CONFIG, WEIGHTS

PREFIX = "charloop/"


@llm.hookimpl
def register_models(register: Any) -> None:
    """Offer a model for each run that is found or named."""
    found = [
        path.parent for path in sorted(Path("runs").glob(f"*/{CONFIG}")) if (path.parent / WEIGHTS).exists()
    ]
    words = [*sys.argv[1:], os.environ.get("LLM_MODEL", ""), llm.get_default_model()]
    named = [match[1] for word in words if (match := re.fullmatch(f"(?:-m|--model=)?{PREFIX}(.+)", word))]
    for path in dict.fromkeys([*map(str, found), *named]):
        register(CharloopModel(path))


class CharloopModel(llm.Model):
    """A network of a run. It continues the prompt, whatever it says: it follows no instructions."""

    can_stream = True
    supports_conversation = False

    class Options(llm.Options):
        """How it writes."""

        length: int = Field(default=500, ge=1, description="Characters to write")
        temperature: float = Field(default=1.0, ge=0, description="0: always the likeliest character")
        top_k: int = Field(default=0, ge=0, description="Sample from the N likeliest characters only; 0: all")
        top_p: float = Field(
            default=1.0, gt=0, le=1, description="Sample from the likeliest of this probability"
        )
        seed: int | None = Field(default=None, ge=0, lt=2**32, description="Equal seeds write equal texts")

    def __init__(self, path: str) -> None:
        self.path, self.model_id = path, f"{PREFIX}{path}"

    @cached_property
    def network(self) -> Any:
        """The network, loaded when it first writes."""
        from charloop.trained import load

        return load(self.path)

    def execute(self, prompt: llm.Prompt, stream: bool, *_: Any, **__: Any) -> Iterator[str]:
        """Yield the text that follows the prompt, in pieces if it streams."""
        settings = prompt.options.model_dump()
        if settings["seed"] is None:
            settings["seed"] = secrets.randbelow(2**32)
        written = self.network.stream(prompt.prompt or "", **settings)
        # llm cannot print or store half a surrogate pair, which a vocabulary may have.
        pieces = (piece.encode(errors="replace").decode() for piece in written)
        yield from pieces if stream else ["".join(pieces)]
