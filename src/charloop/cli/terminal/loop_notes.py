"""A note where a network that takes likely characters only has fallen into a loop."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from charloop.sampling.config import SamplingConfig
from charloop.sampling.loops import Loop, find_loop, is_prone_to_loops


@dataclass
class LoopNotes:
    """Looks for a loop at the end of each text that `config` writes."""

    config: SamplingConfig
    noun: str = "text"
    """What one of the texts is called."""
    _texts: int = field(init=False, default=0)
    _loops: list[Loop] = field(init=False, default_factory=list)

    def watch(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the pieces of a text, then look at it."""
        text = ""
        for piece in pieces:
            text += piece
            yield piece
        self.look(text)

    def look(self, text: str) -> None:
        """Look at the end of a whole text."""
        self._texts += 1
        if is_prone_to_loops(self.config) and (loop := find_loop(text)):
            self._loops.append(loop)

    def notes(self) -> Iterator[str]:
        """Yield how many of the texts end in a loop, if any does, and what to do."""
        if not self._loops:
            return
        longest = max(self._loops, key=lambda loop: loop.length)
        length, period = f"{longest.length:,} characters", f"the same {longest.period:,}"
        if self._texts == 1:
            yield f"the {self.noun} ends in a loop: its last {length} repeat {period}; {self._advice()}"
            return
        verb = "ends" if len(self._loops) == 1 else "end"
        yield (
            f"{len(self._loops):,} of {self._texts:,} {self.noun}s {verb} in a loop "
            f"(the longest: {length} that repeat {period}); {self._advice()}"
        )

    def _advice(self) -> str:
        ways = [] if self.noun == "document" else ["--no-repeat"]
        ways += ["--repetition-penalty"] if self.config.repetition_penalty == 1 else []
        last = (
            "a higher --top-k"
            if self.config.temperature and self.config.top_k == 1
            else "a higher temperature"
        )
        return f"{', '.join(ways)}{' or ' if ways else ''}{last} avoids it"
