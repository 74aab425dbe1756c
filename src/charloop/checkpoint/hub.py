"""Runs on the Hugging Face hub: `hf:USER/NAME`, or `hf:USER/NAME@REVISION` for a branch, tag or commit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charloop.checkpoint.names import CELL, CONFIG, VOCABULARY, WEIGHTS
from charloop.errors import CharloopError

PREFIX = "hf:"
HTTP_LIBRARIES = ("httpx", "httpx2")
"""What huggingface_hub speaks HTTP with, by its version; it lets their errors through."""


def names_hub(path: str | Path) -> bool:
    """Return whether `path` names a run on the hub; nothing else makes charloop use the network for a run."""
    return str(path).startswith(PREFIX)


def fetch_run(name: str | Path) -> Path:
    """Return the folder of a run on the hub, in the cache of huggingface_hub, after downloading what is not there.

    Only the files of a run are fetched, and no code is run. Raises CharloopError without the package or the network,
    and for what is not on the hub.
    """
    repo, _, revision = str(name).removeprefix(PREFIX).partition("@")
    # A run is small, and a bar would stand among what a command says. The package reads this when it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with hub_errors(str(name)):
        from huggingface_hub import snapshot_download

        files = [CONFIG, VOCABULARY, WEIGHTS, CELL]
        return Path(snapshot_download(repo, revision=revision or None, allow_patterns=files))


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Raise what huggingface_hub raises in the block as CharloopError about `name`."""
    try:
        from huggingface_hub import errors
    except ImportError:
        raise CharloopError(
            f"{name} is on the Hugging Face hub, which needs the package huggingface_hub",
            do="pip install 'charloop[hub]'",
        ) from None
    known = {
        errors.HFValidationError: ("is not a name on the hub", "write hf:USER/NAME or hf:USER/NAME@REVISION"),
        errors.RevisionNotFoundError: ("has no such revision", "name a branch, tag or commit of it"),
        errors.GatedRepoError: (
            "is open to chosen users only",
            "ask for access on its page, then: hf auth login",
        ),
        errors.RepositoryNotFoundError: (
            "is not there, or is private",
            "check the name, or log in: hf auth login",
        ),
        errors.LocalEntryNotFoundError: (
            "is not in the cache, and the hub cannot be reached",
            "try again online",
        ),
        errors.LocalTokenNotFoundError: ("needs a token", "log in: hf auth login"),
    }
    try:
        yield
    except Exception as error:
        for kind, (what, do) in known.items():
            if isinstance(error, kind):
                raise CharloopError(f"{name} {what}", do=do) from None
        library = type(error).__module__.partition(".")[0]
        unclear = isinstance(error, LookupError | TypeError)  # an answer of something that is not the hub
        if not unclear and not isinstance(error, OSError | ValueError) and library not in HTTP_LIBRARIES:
            raise
        if getattr(getattr(error, "response", None), "status_code", 0) in (401, 403):
            raise CharloopError(
                f"{name}: the hub refuses this token", do="log in with one that may: hf auth login"
            ) from None
        reason = (
            "its answer is unclear" if unclear else next(iter(str(error).splitlines()), type(error).__name__)
        )
        raise CharloopError(f"{name}: the hub cannot be used ({reason})", do="try again later") from None
