"""Strings that a person gives: prompts, contexts, stop strings, words, patterns. All are read by the same rules."""

from charloop.data.decoding import TextChanges
from charloop.data.forms import KnownForms
from charloop.data.vocabulary import Vocabulary


class StringReader:
    """Reads strings for a vocabulary; `notes` says what was changed in those that were read so far."""

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
