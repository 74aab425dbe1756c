"""Unicode forms: a character that is unknown as it is written may be known in NFC or NFD, in texts and strings."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

from charloop.data.decoding import TextChanges
from charloop.data.sources import Source
from charloop.data.vocabulary import Vocabulary

MAX_MARKS = 64
"""A cluster with more marks than this may be divided. Unicode's stream-safe form has at most 30."""


class KnownForms:
    """Writes clusters of characters (a letter and its marks) in the form of which all characters are known."""

    def __init__(self, characters: Iterable[str]) -> None:
        self._known = frozenset(characters)
        self._found: dict[str, str] = {}

    def rewrite(self, text: str) -> tuple[str, int]:
        """Return `text` with clusters that are not known as they are in NFC or NFD if that is, and their number."""
        if not any(map(self._may_change, set(text) - self._known)):
            return text, 0
        changed = 0

        def replace(cluster: re.Match[str]) -> str:
            nonlocal changed
            found = self._find_form(cluster[0])
            changed += found != cluster[0]
            return found

        return _clusters().sub(replace, text), changed

    def mask(self, text: str) -> str:
        """Return `text` with U+0000 for each character of a cluster that `rewrite` changes."""
        return _clusters().sub(
            lambda cluster: (
                cluster[0] if self._find_form(cluster[0]) == cluster[0] else "\0" * len(cluster[0])
            ),
            text,
        )

    def _find_form(self, cluster: str) -> str:
        found = self._found.get(cluster)
        if found is None:
            forms = [cluster, *(unicodedata.normalize(form, cluster) for form in ("NFC", "NFD"))]
            found = next((form for form in forms if self._known.issuperset(form)), cluster)
            if len(self._found) < 1 << 16:
                self._found[cluster] = found
        return found

    def _may_change(self, character: str) -> bool:
        """Return whether a cluster with this unknown character may have a known form."""
        apart = unicodedata.normalize("NFD", character)
        return not self._parts.isdisjoint(apart) or self._find_form(character) != character

    @cached_property
    def _parts(self) -> set[str]:
        """The characters of which known ones are composed."""
        apart = ((one, unicodedata.normalize("NFD", one)) for one in self._known)
        return {part for one, parts in apart if parts != one for part in parts}


class StringReader:
    """Reads strings that a person gives (prompts, contexts, stop strings, words, patterns), all by the same rules.

    `notes` says what was changed in those that were read so far.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._forms = None if vocabulary.unit == "byte" else KnownForms(vocabulary.symbols)
        self._changes = TextChanges()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on characters that were read in another Unicode form, if there were any."""
        return self._changes.notes()

    def read(self, text: str) -> str:
        """Return `text` as training texts are read: without a byte order mark, each line end as LF.

        Characters that the vocabulary lacks are written in the form NFC or NFD if it has all characters of that.
        For a vocabulary of bytes, nothing is changed.
        """
        if self._forms is None:
            return text
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        text, count = self._forms.rewrite(text)
        self._changes.other_forms += count
        return text


def whole_clusters(texts: Iterable[tuple[Source, str]]) -> Iterator[tuple[Source, str]]:
    """Yield the non-empty `texts` in blocks that do not end between a letter and its marks."""
    held: tuple[Source, str] | None = None
    for source, text in texts:
        if held and held[0] is not source:
            yield held
        elif held:
            text = held[1] + text
        cut = _last_cluster(text)
        if cut:
            yield source, text[:cut]
        held = source, text[cut:]
    if held:
        yield held


def _last_cluster(text: str) -> int:
    """Return where the last cluster of `text` begins."""
    start = len(text) - 1
    while start > max(0, len(text) - MAX_MARKS) and _is_mark(text[start]):
        start -= 1
    return start


def _is_mark(character: str) -> bool:
    """Return whether NFC may join a character to the one before it: a mark, or a Hangul vowel or final consonant."""
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


@cache
def _clusters() -> re.Pattern[str]:
    """Return the pattern of what another form may write otherwise: what has marks, and what is not ASCII.

    Only marks of the Basic Multilingual Plane are among them: those of living scripts.
    """
    marks = "".join(filter(_is_mark, map(chr, range(0x300, 0x10000))))
    return re.compile(f"[^{marks}][{marks}]+|[^\\x00-\\x7f]", re.DOTALL)
