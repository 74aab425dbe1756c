"""Put a trained network on the Hugging Face hub."""

from pathlib import Path
from tempfile import TemporaryDirectory

from charloop.checkpoint.hub import hub_errors
from charloop.exporting.targets import export
from charloop.trained import TrainedModel


def push(trained: TrainedModel, repo: str, *, private: bool = False, license: str = "") -> str:
    """Upload the network as the folder of `--to safetensors` to `repo`, USER/NAME, and return the commit's address.

    The repository is made if it is not there, private if `private`. The token is that of huggingface_hub: `hf auth
    login`, or HF_TOKEN. Raises CharloopError for what the hub refuses.
    """
    with TemporaryDirectory() as folder:
        made = Path(folder) / repo.rpartition("/")[2]
        with hub_errors(repo):
            from huggingface_hub import HfApi

            hub = HfApi(library_name="charloop")
        export(trained, "safetensors", made, license=license)
        with hub_errors(repo):
            hub.create_repo(repo, private=private, exist_ok=True)
            done = hub.upload_folder(
                repo_id=repo, folder_path=made, commit_message="Upload a charloop network"
            )
            return str(done.commit_url)
