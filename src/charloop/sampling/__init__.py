"""Sampling: the trained model writes text, one character at a time.

A name below is imported when it is first used: `SamplingConfig` alone must not import jax.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charloop.sampling.config import SamplingConfig

if TYPE_CHECKING:
    from charloop.sampling.bias import Bias
    from charloop.sampling.constraints import Constraint, NoRepeat, Novel, Pattern, Words
    from charloop.sampling.filters import Chain, LogitFilter, MinP, Temperature, TopK, TopP
    from charloop.sampling.generate import generate_texts, stream_text
    from charloop.sampling.pickers import AtWordStarts, Greedy, Picker, Sample
    from charloop.sampling.prompt import Beginning
    from charloop.sampling.protocols import LanguageModel, TextVocabulary

_MODULES = {
    "bias": ("Bias",),
    "constraints": ("Constraint", "NoRepeat", "Novel", "Pattern", "Words"),
    "filters": ("Chain", "LogitFilter", "MinP", "Temperature", "TopK", "TopP"),
    "generate": ("generate_texts", "stream_text"),
    "pickers": ("AtWordStarts", "Greedy", "Picker", "Sample"),
    "prompt": ("Beginning",),
    "protocols": ("LanguageModel", "TextVocabulary"),
}

__all__ = [
    "AtWordStarts",
    "Beginning",
    "Bias",
    "Chain",
    "Constraint",
    "Greedy",
    "LanguageModel",
    "LogitFilter",
    "MinP",
    "NoRepeat",
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
    "generate_texts",
    "stream_text",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
