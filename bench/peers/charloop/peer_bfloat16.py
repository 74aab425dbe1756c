"""charloop's training step with products of bfloat16 numbers."""

import peer


def build(setting):
    return peer.build(setting, "bfloat16")
