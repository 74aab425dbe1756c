"""Writing text: the same model, one character at a time.

The names below are imported when they are first asked for: `SamplingConfig` alone must not cost the import of jax.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charloop.sampling.config import SamplingConfig

if TYPE_CHECKING:
    from charloop.sampling.before import Before
    from charloop.sampling.constraints import Constraint, Novel, Pattern, Words
    from charloop.sampling.filters import Chain, Forbid, LogitFilter, MinP, Temperature, TopK, TopP
    from charloop.sampling.pickers import AtWordStarts, Greedy, Never, Picker, Sample
    from charloop.sampling.reading import LanguageModel
    from charloop.sampling.text import beginning, generate, stream
    from charloop.sampling.vocabulary import TextVocabulary

_ROOMS = {
    "before": ("Before",),
    "filters": ("Chain", "Forbid", "LogitFilter", "MinP", "Temperature", "TopK", "TopP"),
    "constraints": ("Constraint", "Novel", "Pattern", "Words"),
    "pickers": ("AtWordStarts", "Greedy", "Never", "Picker", "Sample"),
    "reading": ("LanguageModel",),
    "text": ("beginning", "generate", "stream"),
    "vocabulary": ("TextVocabulary",),
}

__all__ = [
    "AtWordStarts",
    "Before",
    "Chain",
    "Constraint",
    "Forbid",
    "Greedy",
    "LanguageModel",
    "LogitFilter",
    "MinP",
    "Never",
    "Novel",
    "Pattern",
    "Picker",
    "Sample",
    "SamplingConfig",
    "Temperature",
    "TextVocabulary",
    "TopK",
    "TopP",
    "Words",
    "beginning",
    "generate",
    "stream",
]


def __getattr__(name: str) -> Any:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
