"""Exit codes of `charloop` other than 0."""

FOUND = 1
"""`charloop eval --threshold` has found documents that cost more, or `charloop verify` a difference."""
FAILED = 2
"""An error that one line on standard error explains."""
INTERRUPTED = 130
"""Ended by Ctrl-C: the code that shells use for SIGINT."""
