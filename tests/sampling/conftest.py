"""A first example compiles, so that no deadline fits all of them."""

from hypothesis import settings

settings.register_profile("compiling", deadline=None, max_examples=25)
settings.load_profile("compiling")
