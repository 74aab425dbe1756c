"""charloop's training step on documents of seven characters, as many names have: nearly the most resets there are."""

import peer


def build(setting):
    return peer.build(setting, document_length=7)
