"""A file of measured figures, with the machine and the versions they were measured on."""

import json
import platform
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from charloop.devices import count_cores, name_processor
from charloop.errors import CharloopError
from charloop.files.atomic import write_atomically


class ResultsFile:
    """A new JSON file that is written again whenever there are more figures.

    It is written at once, so that CharloopError is raised before the first measurement if `path` exists or cannot be
    written. An empty `path` stands for `bench-NAME-DATE-TIME.json` in the working directory.
    """

    def __init__(self, path: str, name: str, **about: Any) -> None:
        self.path = Path(path or f"bench-{name}-{datetime.now():%Y%m%d-%H%M%S}.json")
        if self.path.exists():
            raise CharloopError(
                f"the results file {self.path} already exists", do="move it away, or name another file"
            )
        self.content: dict[str, Any] = {"machine": describe_machine()}
        self.save(**about)

    def save(self, **figures: Any) -> None:
        """Add `figures` to the file, in place of those with the same names."""
        self.content |= figures
        write_atomically(self.path, (json.dumps(self.content, indent=1) + "\n").encode())

    @property
    def machine_line(self) -> str:
        """The machine in one line."""
        about = self.content["machine"]
        return f"{about['processor']}, {about['cores']} cores, jax {about['jax']}, python {about['python']}"


def describe_machine() -> dict[str, Any]:
    """Return the processor, its cores, the versions, and the commit if the code lies in a repository."""
    return {
        "processor": name_processor(),
        "cores": count_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "jax": version("jax"),
        "numpy": version("numpy"),
        "charloop": version("charloop"),
        "commit": find_commit(Path(__file__)),
    }


def find_commit(file: Path) -> str | None:
    """Return the commit that `file` belongs to, with a `+` if the tree has changes; None outside a repository."""

    def git(*arguments: str) -> str:
        call = ["git", "-C", str(file.parent), *arguments]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()

    try:
        # An installed charloop may lie inside a repository that has nothing to do with it.
        git("ls-files", "--error-unmatch", file.name)
        return git("describe", "--always", "--abbrev=12", "--dirty=+")
    except (OSError, subprocess.CalledProcessError):
        return None
