"""Keys from a terminal, one at a time, as they are pressed."""

import codecs
import contextlib
import os
import re
import sys
import time
from types import TracebackType
from typing import NamedTuple

PASTE, PASTED = "\x1b[200~", "\x1b[201~"
"""What a terminal puts around a text that is pasted, once it is asked to."""
NAMES = {
    "\r": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    **{chr(number): f"ctrl-{chr(number + 96)}" for number in (3, 4, 5, 10, 19, 20, 21)},
}
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])")
"""What a key sends that has no character (ECMA-48, section 5.4)."""
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
ESCAPE_SECONDS = 0.05
"""After which what may begin a sequence was the key Escape."""
WINDOWS = {"H": "up", "P": "down", "O": "end"}


class Key(NamedTuple):
    """A key by its name; the name of what writes is `text`, of what a terminal pastes `paste`."""

    name: str
    text: str = ""


def parse(pressed: str) -> tuple[list[Key], str]:
    """The keys of what a terminal sent, and the rest that is not whole yet; keys without a meaning are left out."""
    keys = []
    while pressed:
        if pressed.startswith(PASTE):
            content, end, rest = pressed[len(PASTE) :].partition(PASTED)
            if not end:
                break
            keys.append(Key("paste", content.replace("\r\n", "\n").replace("\r", "\n")))
            pressed = rest
            continue
        if UNFINISHED.match(pressed):
            break
        sequence = SEQUENCE.match(pressed)
        one = sequence[0] if sequence else pressed[0]
        pressed = pressed[len(one) :]
        if one in NAMES:
            keys.append(Key(NAMES[one]))
        elif one == "\x1b":
            keys.append(Key("escape"))
        elif one.isprintable():
            keys.append(Key("text", one))
    return keys, pressed


if sys.platform == "win32":
    import msvcrt

    class Keys:
        """The keys of this console."""

        def __enter__(self) -> "Keys":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def read(self, seconds: float) -> Key | None:
            """The next key, if it is pressed within so many seconds."""
            end = time.monotonic() + seconds
            while not msvcrt.kbhit():
                if time.monotonic() > end:
                    return None
                time.sleep(0.01)
            one = msvcrt.getwch()
            if one in "\x00\xe0":
                return Key(WINDOWS.get(msvcrt.getwch(), ""))
            found, _ = parse(one)
            return found[0] if found else Key("escape" if one == "\x1b" else "")

else:
    import select
    import termios

    class Keys:
        """The keys of standard input, which is a terminal and left as it was found.

        While it lasts nothing that is pressed is echoed or makes a signal: Ctrl-C is a key like any other.
        """

        def __enter__(self) -> "Keys":
            self._file = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._file)
            self._decoder, self._rest = codecs.getincrementaldecoder("utf-8")("ignore"), ""
            self._keys: list[Key] = []
            mode = termios.tcgetattr(self._file)
            mode[0] &= ~(termios.ICRNL | termios.IXON)
            mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
            termios.tcsetattr(self._file, termios.TCSADRAIN, mode)
            print("\x1b[?2004h", end="", flush=True)
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            # A terminal that is gone needs nothing any more.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)
            print("\x1b[?2004l", end="", flush=True)

        def read(self, seconds: float) -> Key | None:
            """The next key, if it is pressed within so many seconds; Ctrl-D where the terminal is gone."""
            end = time.monotonic() + seconds
            while not self._keys:
                escape = UNFINISHED.match(self._rest)
                left = ESCAPE_SECONDS if escape else max(0.0, end - time.monotonic())
                if select.select([self._file], [], [], left)[0]:
                    self._take()
                elif escape:
                    self._rest = ""
                    return Key("escape")
                else:
                    return None
            return self._keys.pop(0)

        def _take(self) -> None:
            try:
                pressed = os.read(self._file, 65536)
            except OSError:
                pressed = b""
            keys, self._rest = parse(self._rest + self._decoder.decode(pressed))
            self._keys += keys if pressed else [Key("ctrl-d")]
