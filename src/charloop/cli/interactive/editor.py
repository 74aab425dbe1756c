"""What a key does while a person and a network write together: no terminal, no screen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from charloop.cli.interactive.keys import Key
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.files.named import check_target, is_file, write_new
from charloop.sampling.together import Candidate, Together

MOST_CANDIDATES = 10
"""Each has a digit."""
TEMPERATURE_STEP = 0.1
DRAWS: dict[str, Literal["character", "word", "line"]] = {
    "enter": "character",
    "tab": "word",
    "ctrl-e": "line",
    "end": "line",
}
ENDS = ("ctrl-c", "ctrl-d")


class Desk:
    """The text in hand, and what the next key will mean.

    `opening`: whether the prompt is part of the text that is saved and printed.
    """

    def __init__(self, together: Together, vocabulary: Vocabulary, *, opening: bool) -> None:
        self.together, self.vocabulary, self.opening = together, vocabulary, opening
        self.shown = MOST_CANDIDATES
        """Candidates that there is room for."""
        self.typing = self.done = False
        self.asking: str | None = None
        """The name of a file, as far as it is typed."""
        self.message = ""

    @property
    def candidates(self) -> list[Candidate]:
        """Those that have a number, the likeliest first."""
        return self.together.candidates(self.shown)

    def press(self, key: Key) -> Iterator[None]:
        """Do what `key` says; the iterator pauses where there is something new to be seen."""
        self.message = ""
        try:
            if key.name in ENDS:
                self.done = True
            elif self.asking is not None:
                self._ask(key, self.asking)
            elif key.name in DRAWS and not self.typing:
                yield from self.together.draw(DRAWS[key.name])
            else:
                self._act(key)
        except CharloopError as error:
            self.message = str(error)

    def content(self) -> bytes:
        """The text, as a file has it."""
        ids = [*(self.together.prompt.tolist() if self.opening else []), *self.together.ids]
        if self.vocabulary.unit == "byte":
            return np.array(ids, np.uint8).tobytes()
        return self.vocabulary.decode(ids).encode("utf-8", "backslashreplace")

    def _act(self, key: Key) -> None:
        acts: dict[str, Callable[[], None]] = {
            "text": lambda: self._text(key.text),
            "paste": lambda: self._put(key.text),
            "enter": lambda: self._put("\n"),
            "ctrl-j": lambda: self._put("\n"),
            "tab": lambda: self._put("\t"),
            "backspace": self.together.take_back,
            "ctrl-u": self.together.take_back_piece,
            "up": lambda: self._warm(1),
            "down": lambda: self._warm(-1),
            "ctrl-t": self._toggle_typing,
            "escape": self._stop_typing,
            "ctrl-s": self._begin_to_ask,
        }
        acts.get(key.name, lambda: None)()

    def _text(self, text: str) -> None:
        if self.typing or text not in "1234567890":
            self._put(text)
            return
        place, candidates = (int(text) - 1) % 10, self.candidates
        if place >= len(candidates):
            raise CharloopError(f"there is no {text} to choose", do="Ctrl-T first, to write digits")
        self.together.put([candidates[place].index])

    def _put(self, text: str) -> None:
        self.together.put(self.vocabulary.encode(text, self.together.config.unknown).tolist())

    def _warm(self, steps: int) -> None:
        warmer = self.together.config.temperature + steps * TEMPERATURE_STEP
        self.together.set_temperature(max(0.0, round(warmer, 6)))

    def _toggle_typing(self) -> None:
        self.typing = not self.typing

    def _stop_typing(self) -> None:
        self.typing = False

    def _begin_to_ask(self) -> None:
        self.asking = ""

    def _ask(self, key: Key, name: str) -> None:
        """A key of a file's name."""
        if key.name in ("text", "paste"):
            self.asking = name + key.text.replace("\n", " ")
        elif key.name == "backspace":
            self.asking = name[:-1]
        elif key.name == "ctrl-u":
            self.asking = ""
        elif key.name in ("enter", "escape"):
            self.asking = None
            if key.name == "enter" and name:
                self._save(name)

    def _save(self, name: str) -> None:
        path = Path(name).expanduser()
        if is_file(path) and not path.is_dir():
            raise CharloopError(f"{name} is there already", do="save under another name")
        check_target("the file", str(path), overwrite=False)
        content = self.content()
        write_new("the file", str(path), lambda file: file.write(content), overwrite=False)
        self.message = f"saved as {name}"
