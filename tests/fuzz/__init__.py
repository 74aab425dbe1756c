"""Thousands of bad inputs: mutated run folders, texts, settings, prompts and command lines.

This folder mirrors no package of the source: a damaged run or an odd flag passes through all of them. The same is
asked of each case: a command ends by itself with 0, or with 2 and one line that names what is wrong; it leaves its
input unchanged, writes nowhere else, and needs no more memory than it would for good input.

`worker.py` runs commands in another process, so that a hang, a crash or an excess of memory is seen and survived.
`sandbox.py` holds their input and sees what they changed; `oracle.py` judges. `folders.py`, `texts.py` and
`settings.py` make the case of a number, the same each time; in `command_lines.py` hypothesis makes them.
"""
