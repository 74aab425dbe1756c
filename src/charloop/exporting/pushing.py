"""Put a trained network on the Hugging Face hub."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from charloop.checkpoint.hub import hub_errors
from charloop.errors import CharloopError
from charloop.exporting.targets import export
from charloop.trained import TrainedModel


def open_hub(repo: str) -> Any:
    """Return the client of huggingface_hub. Raises CharloopError without the package, and for a wrong name."""
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repo, re.ASCII):
        raise CharloopError("the repository", got=repo, allowed="USER/NAME")
    with hub_errors(repo):
        from huggingface_hub import HfApi

        return HfApi(library_name="charloop")


def is_on_hub(repo: str) -> bool:
    """Return whether the repository is there already. Raises CharloopError if the hub cannot be used."""
    hub = open_hub(repo)
    with hub_errors(repo):
        return bool(hub.repo_exists(repo))


def push(trained: TrainedModel, repo: str, *, private: bool = False, license: str = "") -> str:
    """Upload the network as the folder of `--to safetensors` to `repo`, USER/NAME, and return the commit's address.

    The repository is made if it is not there, private if `private`. One that is there gets a new commit, which
    replaces files of the same names, and stays as private as it is. The token is that of huggingface_hub: `hf auth
    login`, or HF_TOKEN. Raises CharloopError for what the hub refuses.
    """
    with TemporaryDirectory() as folder:
        made = Path(folder) / repo.rpartition("/")[2]
        hub = open_hub(repo)
        export(trained, "safetensors", made, license=license)
        with hub_errors(repo):
            hub.create_repo(repo, private=private, exist_ok=True)
            done = hub.upload_folder(
                repo_id=repo, folder_path=made, commit_message="Upload a charloop network"
            )
            return str(done.commit_url)
