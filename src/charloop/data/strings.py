"""Strings that a person gives: prompts, contexts, stop strings, words, patterns. All are read by the same rules."""

import re
import unicodedata
from functools import partial

from charloop.data.vocabulary import Vocabulary

FORM_NOTE = "read some characters in another Unicode form (NFC or NFD), which the network knows"
_CLUSTERS = re.compile("[\u1100-\u11ff]+|[^\u0300-\u036f][\u0300-\u036f]+|[^\x00-\x7f]")
"""What another Unicode form may write otherwise: Hangul in parts, a letter with accents, a character beyond ASCII."""


class StringReader:
    """Reads strings for a vocabulary; `notes` says what was changed in those that were read so far."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._as_bytes, self._known = vocabulary.unit == "byte", frozenset(vocabulary.symbols)
        self.notes: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        """Return `text` as training texts are read: without a byte order mark, each line end as LF.

        Characters that the vocabulary lacks are written in the form NFC or NFD if it has all characters of that.
        For a vocabulary of bytes, nothing is changed.
        """
        if self._as_bytes:
            return text
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if self._known.issuperset(text):
            return text
        found = _CLUSTERS.sub(partial(_known_form, self._known), text)
        self.notes = (FORM_NOTE,) if found != text else self.notes
        return found


def _known_form(known: frozenset[str], cluster: re.Match[str]) -> str:
    forms = [cluster[0], *(unicodedata.normalize(form, cluster[0]) for form in ("NFC", "NFD"))]
    return next((form for form in forms if known.issuperset(form)), cluster[0])
