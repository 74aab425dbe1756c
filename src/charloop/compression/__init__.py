"""A network as a compressor: an arithmetic coder spends on each character what the network predicted badly."""

from charloop.compression.decoding import decompress
from charloop.compression.encoding import compress

__all__ = ["compress", "decompress"]
