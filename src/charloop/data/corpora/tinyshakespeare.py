"""`tinyshakespeare`: Karpathy's 1,115,394 characters, downloaded once and checked."""

from collections.abc import Sequence
from pathlib import Path

from charloop.data.corpora.base import NamedCorpus
from charloop.data.pieces import Piece, file_piece
from charloop.errors import CharloopError

URL = "https://raw.githubusercontent.com/jcjohnson/torch-rnn/master/data/tiny-shakespeare.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
TIMEOUT_SECONDS = 15


def download(url: str, sha256: str, folder: Path) -> Path:
    """The file at `url`, from `folder` if it is there with that hash, else fetched and put there.

    Errors: CharloopError when it cannot be fetched, or what came has another hash (it is not kept).
    """
    import pooch  # here, because it brings an HTTP client that nothing else needs

    pooch.get_logger().setLevel("ERROR")
    fetch = pooch.HTTPDownloader(progressbar=False, timeout=TIMEOUT_SECONDS)
    try:
        return Path(
            pooch.retrieve(
                url, f"sha256:{sha256}", fname="tinyshakespeare.txt", path=folder, downloader=fetch
            )
        )
    except ValueError as error:
        raise _unavailable(url, "was downloaded, but its sha256 is not the known one", sha256) from error
    except OSError as error:
        offline = "cannot be downloaded (is this machine offline?)"
        kept = f"cannot be kept in {folder} ({error.strerror}; CHARLOOP_CACHE names another folder)"
        raise _unavailable(url, kept if error.errno else offline, sha256) from error


def _unavailable(url: str, why: str, sha256: str) -> CharloopError:
    return CharloopError(
        f"tinyshakespeare {why}",
        do="train on what needs no download (charloop train shakespeare, or charloop train python), "
        f"or fetch {url} (sha256 {sha256[:12]}...) elsewhere and name the file",
    )


def _pieces(cache: Path) -> Sequence[Piece]:
    return [file_piece(download(URL, SHA256, cache / "corpora"), "utf-8")]


CORPUS = NamedCorpus(
    name="tinyshakespeare",
    summary="1,115,394 characters from Shakespeare's plays, the text of char-rnn and nanoGPT",
    source="downloaded from github.com/jcjohnson/torch-rnn; public domain",
    size=1_115_394,
    pieces=_pieces,
)
