"""Settings that go well together, for different budgets of time."""

from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from charloop.errors import unknown_name

PRESETS: dict[str, tuple[str, RunConfig]] = {
    "tiny": (
        "seconds: to try charloop out, and for texts of a few kilobytes",
        RunConfig(
            DataConfig(batch_size=16, seq_length=32),
            ModelConfig(num_layers=1, hidden_size=64, embed_size=32),
            TrainingConfig(learning_rate=5e-3, warmup_steps=20, minutes=0.25),
        ),
    ),
    "fast": (
        "minutes on a laptop: the default",
        RunConfig(
            DataConfig(batch_size=32, seq_length=64),
            ModelConfig(
                num_layers=2, hidden_size=256, embed_size=64, dropout_between=0.1, dropout_output=0.1
            ),
            TrainingConfig(learning_rate=4e-3, warmup_steps=100, minutes=3.0),
        ),
    ),
    "base": (
        "an hour or more, for texts of some megabytes",
        RunConfig(
            DataConfig(batch_size=64, seq_length=128),
            ModelConfig(
                num_layers=3, hidden_size=512, embed_size=128, dropout_between=0.3, dropout_output=0.3
            ),
            TrainingConfig(learning_rate=2e-3, warmup_steps=500, epochs=30, patience=10),
        ),
    ),
}


def find_preset(name: str) -> RunConfig:
    """Return the preset of that name. Raises CharloopError, with the nearest name, if there is none."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name][1]
