"""`tinyshakespeare`: Karpathy's 1,115,394 characters, downloaded once and checked."""

from collections.abc import Sequence
from pathlib import Path

from charloop.data.corpora.download import download_file
from charloop.data.sources import NamedCorpus, Source, file_source

URL = "https://raw.githubusercontent.com/jcjohnson/torch-rnn/master/data/tiny-shakespeare.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def _sources(cache: Path) -> tuple[Sequence[Source], tuple[str, ...]]:
    return [file_source(download_file("tinyshakespeare", URL, SHA256, cache / "corpora"), "utf-8")], ()


CORPUS = NamedCorpus(
    name="tinyshakespeare",
    summary="1,115,394 characters from Shakespeare's plays, the text of char-rnn and nanoGPT",
    origin="github.com/jcjohnson/torch-rnn; public domain",
    size=1_115_394,
    sources=_sources,
    needs_network=True,
)
