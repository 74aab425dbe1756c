"""What a process is set up with before JAX starts."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
if sys.argv[1] == "kept":
    from charloop.devices import retain_freed_memory
    retain_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(5_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of glibc")
def test_memory_that_was_given_back_is_there_at_once() -> None:
    def second_time(how: str) -> int:
        call = [sys.executable, "-c", PROGRAM, how]
        return int(subprocess.run(call, capture_output=True, text=True, check=True).stdout)

    # 40 MB are some ten thousand pages, or twenty large ones.
    assert second_time("kept") == 0 < second_time("as it is")
