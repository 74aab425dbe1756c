"""What a command does before it computes. It is called once the flags are checked, since importing JAX is slow."""


def prepare_jax(*, keep_programs: bool = True) -> None:
    """Let JAX use all processor cores, and keep what it compiles in the cache. Call it before JAX starts."""
    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    if keep_programs:
        enable_compilation_cache()
