"""How terminals and pages show text: `characters`; and what pages are made with: `markup`."""

from charloop.display.characters import (
    BLANKS,
    INVISIBLE,
    SURPRISE,
    Blank,
    Level,
    level_of_surprise,
    name_character,
    name_ranges,
    show_character,
)

__all__ = [
    "BLANKS",
    "INVISIBLE",
    "SURPRISE",
    "Blank",
    "Level",
    "level_of_surprise",
    "name_character",
    "name_ranges",
    "show_character",
]
