"""The names of the files in a run's folder."""

CONFIG, VOCABULARY, CELL = "config.json", "vocabulary.json", "cell.py"
WEIGHTS, METRICS, SKIPPED = "model.safetensors", "metrics.jsonl", "skipped.jsonl"
CHECKPOINTS, SAMPLES = "checkpoints", "samples"
FORMER_CHECKPOINTS = "saves"
"""The checkpoints of runs that earlier releases created; there they stay."""
FIRST_STATE = "training_state.safetensors"
"""The only checkpoint of runs that the first releases created."""
