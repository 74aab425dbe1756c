"""Sessions: a text that a network reads and writes piece by piece, from where it is."""

from charloop.sessions.next_character import NextCharacter
from charloop.sessions.session import Session

__all__ = ["NextCharacter", "Session"]
