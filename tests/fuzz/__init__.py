"""Bad input by the thousand: mutated run folders, texts, settings, prompts and command lines.

This folder mirrors no room of the source: a damaged run or an odd flag passes through all of them, and what is asked
is the same for every one. A command ends by itself with 0, or with 2 and one line that names what is wrong; it leaves
what it was given as it was, writes nowhere else, and needs no more memory than it would for good input.

`worker.py` runs commands in a process of its own, so that a hang, a crash or a flood of memory is seen and survived;
`sandbox.py` holds what they are given and sees what they changed; `oracle.py` is the judge. `folders.py`, `texts.py`
and `settings.py` make the case of a number, the same each time; `command_lines.py` has hypothesis make them.
"""
