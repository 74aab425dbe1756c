"""What goes wrong with kernels, for those that do not import LLVM."""


class KernelError(RuntimeError):
    """A kernel could not be compiled; the cause says why. Whoever asks again tries again."""
