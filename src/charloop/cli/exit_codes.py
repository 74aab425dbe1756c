"""Exit codes of `charloop`, beside 0."""

FAILED = 2
"""A user's mistake: one line on standard error says what to do."""
INTERRUPTED = 130
"""Ctrl-C: what a shell reads as ended by SIGINT."""
