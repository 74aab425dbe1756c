"""The ids of a session's text, as a value: a longer text shares all that it has in common with a shorter one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

Ids: TypeAlias = Integer[np.ndarray, " ids"]
PART = 512
"""Ids of the same origin that are kept in one array."""


@dataclass(frozen=True, eq=False)
class History:
    """The last ids of a text, all of the same origin, and the text before them."""

    ids: Ids
    is_drawn: bool
    """Whether the network drew them, rather than read them."""
    before: "History | None" = None

    def add(self, ids: Ids, *, is_drawn: bool) -> "History":
        """Return the text with more ids."""
        if self.is_drawn == is_drawn and len(self.ids) + len(ids) <= PART:
            return History(np.concatenate([self.ids, ids]), is_drawn, self.before)
        return History(ids, is_drawn, self)

    def parts(self) -> Iterator["History"]:
        """Yield the text's parts, the last first."""
        part: History | None = self
        while part is not None:
            yield part
            part = part.before

    def last(self, count: int | None = None) -> tuple[Ids, Bool[np.ndarray, " ids"]]:
        """Return the last `count` ids (None: all), and whether the network drew each."""
        ids, drawn, size = [NO_IDS], [np.zeros(0, bool)], 0
        for part in self.parts():
            if count is not None and size >= count:
                break
            ids.append(part.ids)
            drawn.append(np.full(len(part.ids), part.is_drawn))
            size += len(part.ids)
        start = 0 if count is None else max(0, size - count)
        return np.concatenate(ids[::-1])[start:], np.concatenate(drawn[::-1])[start:]

    @property
    def ids_so_far(self) -> Ids:
        """The ids of the whole text."""
        return self.last()[0]

    def last_drawn(self, count: int) -> Ids:
        """Return the last ids, at most `count`, that the network drew since it read something."""
        ids, drawn = self.last(count)
        read = np.flatnonzero(~drawn)
        return ids[read[-1] + 1 :] if len(read) else ids


NO_IDS = np.zeros(0, np.int32)
EMPTY = History(NO_IDS, is_drawn=False)
