"""Timing of whole training steps, program against program, in turn: a noisy machine is noisy for all alike."""
