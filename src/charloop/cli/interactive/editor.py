"""The interactive editor: what each key does to the text. It knows nothing of terminals and screens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from charloop.cli.interactive.keys import Key
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.files.output import check_output, would_overwrite, write_output
from charloop.sessions.interactive import Candidate, InteractiveSession

MAX_CANDIDATES = 10
"""One for each digit."""
TEMPERATURE_STEP = 0.1
DRAWS: dict[str, Literal["character", "word", "line"]] = {
    "enter": "character",
    "tab": "word",
    "ctrl-e": "line",
    "end": "line",
}
"""What the network draws at each key."""
QUIT_KEYS = ("ctrl-c", "ctrl-d")


class Editor:
    """The text of an interactive session, and the mode that decides what the next key means.

    `keeps_prompt`: whether the prompt belongs to the text that is saved and printed.
    """

    def __init__(self, session: InteractiveSession, vocabulary: Vocabulary, *, keeps_prompt: bool) -> None:
        self.session, self.vocabulary, self.keeps_prompt = session, vocabulary, keeps_prompt
        self.num_candidates = MAX_CANDIDATES
        """How many candidates fit on the screen."""
        self.typing = self.done = False
        self.file_name: str | None = None
        """The part of a file name that is typed so far, while the editor asks for one."""
        self.message = ""

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates that have a digit, the likeliest first."""
        return self.session.candidates(self.num_candidates)

    def press(self, key: Key) -> Iterator[None]:
        """Do what `key` means; the iterator pauses whenever the screen should be drawn."""
        self.message = ""
        try:
            if key.name in QUIT_KEYS:
                self.done = True
            elif self.file_name is not None:
                self._edit_file_name(key, self.file_name)
            elif key.name in DRAWS and not self.typing:
                yield from self.session.draw(DRAWS[key.name])
            else:
                self._act(key)
        except CharloopError as error:
            self.message = str(error)

    def content(self) -> bytes:
        """Return the text as a file holds it."""
        ids = [*(self.session.prompt.tolist() if self.keeps_prompt else []), *self.session.ids]
        if self.vocabulary.unit == "byte":
            return bytes(self.vocabulary.shown_codes[np.array(ids, np.int64)].tolist())
        return self.vocabulary.decode(ids).encode("utf-8", "backslashreplace")

    def _act(self, key: Key) -> None:
        acts: dict[str, Callable[[], None]] = {
            "text": lambda: self._type(key.text),
            "paste": lambda: self.session.put_text(key.text),
            "enter": lambda: self.session.put_text("\n"),
            "ctrl-j": lambda: self.session.put_text("\n"),
            "tab": lambda: self.session.put_text("\t"),
            "backspace": self.session.take_back,
            "ctrl-u": self.session.take_back_piece,
            "up": lambda: self._change_temperature(TEMPERATURE_STEP),
            "down": lambda: self._change_temperature(-TEMPERATURE_STEP),
            "ctrl-t": lambda: self._set_typing(not self.typing),
            "escape": lambda: self._set_typing(False),
            "ctrl-s": self._ask_file_name,
        }
        acts.get(key.name, lambda: None)()

    def _type(self, text: str) -> None:
        """Write a character, or choose the candidate of a digit."""
        if self.typing or text not in "1234567890":
            self.session.put_text(text)
            return
        number, candidates = (int(text) - 1) % 10, self.candidates
        if number >= len(candidates):
            raise CharloopError(
                f"no candidate has the number {text}", do="press Ctrl-T first to write digits"
            )
        self.session.put([candidates[number].index])

    def _change_temperature(self, change: float) -> None:
        self.session.set_temperature(max(0.0, round(self.session.temperature + change, 6)))

    def _set_typing(self, typing: bool) -> None:
        self.typing = typing

    def _ask_file_name(self) -> None:
        self.file_name = ""

    def _edit_file_name(self, key: Key, name: str) -> None:
        """Handle a key while the editor asks for a file name."""
        if key.name in ("text", "paste"):
            self.file_name = name + key.text.replace("\n", " ")
        elif key.name == "backspace":
            self.file_name = name[:-1]
        elif key.name == "ctrl-u":
            self.file_name = ""
        elif key.name in ("enter", "escape"):
            self.file_name = None
            if key.name == "enter" and name:
                self._save(name)

    def _save(self, name: str) -> None:
        path = Path(name).expanduser()
        if would_overwrite(path) and not path.is_dir():
            raise CharloopError(f"{name} exists already", do="save under another name")
        check_output("the file", str(path), overwrite=False)
        content = self.content()
        write_output("the file", str(path), lambda file: file.write(content), overwrite=False)
        self.message = f"saved as {name}"
