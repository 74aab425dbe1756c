"""Any text in, batches of tokens out. NumPy only: nothing here needs JAX."""

from charloop.data.cache import cache_folder
from charloop.data.corpora import NamedCorpus, corpora
from charloop.data.corpus import Corpus, load_corpus
from charloop.data.lanes import Lanes, fit_lanes
from charloop.data.paging import release
from charloop.data.prefix import guessed_prefix, kept_prefix, prefix_of_text, prefix_of_tokens
from charloop.data.progress import Meter, Reading, ReadingListener
from charloop.data.sources import refuse_streams
from charloop.data.split import Split, split
from charloop.data.stream import StreamDecoder
from charloop.data.text import GivenText, Text
from charloop.data.vocabulary import Unit, Unknown, Vocabulary

__all__ = [
    "Corpus",
    "GivenText",
    "Lanes",
    "Meter",
    "NamedCorpus",
    "Reading",
    "ReadingListener",
    "Split",
    "StreamDecoder",
    "Text",
    "Unit",
    "Unknown",
    "Vocabulary",
    "cache_folder",
    "corpora",
    "fit_lanes",
    "guessed_prefix",
    "kept_prefix",
    "load_corpus",
    "prefix_of_text",
    "prefix_of_tokens",
    "refuse_streams",
    "release",
    "split",
]
