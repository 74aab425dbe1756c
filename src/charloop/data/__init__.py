"""Any text in, chunks of tokens out. NumPy only: nothing here needs JAX."""

from charloop.data.chunks import Chunks, TrainingChunks, fit_batch
from charloop.data.corpora import NamedCorpus, corpora
from charloop.data.corpus import Corpus, load_corpus
from charloop.data.finding import need_stdin, refuse_streams
from charloop.data.prefix import accept_prefix, find_prefix, find_prefix_of_tokens, guess_prefix
from charloop.data.split import Split, split_tokens
from charloop.data.text import GivenText, Text
from charloop.data.token_file import release_pages
from charloop.data.vocabulary import Unit, Vocabulary

__all__ = [
    "Chunks",
    "Corpus",
    "GivenText",
    "NamedCorpus",
    "Split",
    "Text",
    "TrainingChunks",
    "Unit",
    "Vocabulary",
    "accept_prefix",
    "corpora",
    "find_prefix",
    "find_prefix_of_tokens",
    "fit_batch",
    "guess_prefix",
    "load_corpus",
    "need_stdin",
    "refuse_streams",
    "release_pages",
    "split_tokens",
]
