"""Reads keys from a terminal, one at a time, as they are pressed. Only this module knows prompt_toolkit."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple, TextIO

from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import create_output

NAMES = {
    Keys.ControlM: "enter",
    Keys.ControlI: "tab",
    Keys.ControlH: "backspace",
    Keys.BracketedPaste: "paste",
}
"""Names of keys that differ from those of prompt_toolkit."""
ESCAPE_SECONDS = 0.05
"""If no more arrives within this time, the start of a control sequence was the key Escape."""


class Key(NamedTuple):
    """A key by its name: `text` for one that writes a character, `paste` for text that the terminal pastes."""

    name: str
    text: str = ""


class KeyReader:
    """The keys of a terminal, by default that of standard input, which is restored at the end.

    Until then no key is echoed or makes a signal: Ctrl-C is a key like any other.
    """

    def __init__(self, terminal: TextIO | None = None) -> None:
        self._input, self._output = create_input(terminal), create_output()
        self._keys: deque[Key] = deque()
        self._read_at = 0.0

    def __enter__(self) -> "KeyReader":
        with ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            stack.enter_context(self._input.raw_mode())
            self._output.enable_bracketed_paste()
            self._output.flush()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self._output.disable_bracketed_paste()
        self._output.flush()

    def read(self, seconds: float) -> Key | None:
        """Return the next key if one is pressed within this time; Ctrl-D if the terminal is gone."""
        while not self._keys and self._runner.run(self._is_ready(seconds)):
            self._keys.extend(convert_keys(self._input.read_keys()))
            self._read_at, seconds = time.monotonic(), ESCAPE_SECONDS
            if self._input.closed or not os.isatty(self._input.fileno()):
                return Key("ctrl-d")
        if not self._keys and time.monotonic() - self._read_at >= ESCAPE_SECONDS:
            self._keys.extend(convert_keys(self._input.flush_keys()))
        return self._keys.popleft() if self._keys else None

    async def _is_ready(self, seconds: float) -> bool:
        ready = asyncio.Event()
        with self._input.attach(ready.set), suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ready.wait()
        return ready.is_set()


def convert_keys(presses: list[KeyPress]) -> Iterator[Key]:
    """Yield the keys that have a name or write a character.

    Control sequences that prompt_toolkit does not know arrive as Escape and characters; these are left out.
    """
    left = deque(presses)
    while left:
        key, data = left[0].key, left.popleft().data
        if key == Keys.Escape and left and left[0].data == "[":
            left.popleft()
            # The last character of a sequence (ECMA-48, section 5.4).
            while left and not "@" <= left.popleft().data <= "~":
                pass
        elif isinstance(key, Keys):
            text = data.replace("\r\n", "\n").replace("\r", "\n") if key == Keys.BracketedPaste else ""
            yield Key(NAMES.get(key) or key.value.replace("c-", "ctrl-"), text)
        elif key.isprintable():
            yield Key("text", key)
