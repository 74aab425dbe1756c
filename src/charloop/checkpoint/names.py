"""What the parts of a run's folder are called."""

CONFIG, VOCABULARY, CELL = "config.json", "vocabulary.json", "cell.py"
WEIGHTS, METRICS, SKIPPED = "model.safetensors", "metrics.jsonl", "skipped.jsonl"
SAVES, SAMPLES = "saves", "samples"
FORMER_STATE = "training_state.safetensors"
"""Where runs kept their only save before there were several."""
