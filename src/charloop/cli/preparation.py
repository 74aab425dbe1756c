"""What a command does before it computes. It is called once the flags are checked, since importing JAX is slow."""


def prepare_jax() -> None:
    """Let JAX use all processor cores, and keep what it compiles. Call it before JAX starts."""
    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    enable_compilation_cache()
