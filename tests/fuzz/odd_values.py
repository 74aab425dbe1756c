"""Plain values (of JSON or TOML) with something in them that does not belong there."""

import random
from typing import Any

NESTED: list[Any] = []
for _ in range(200):
    NESTED = [NESTED]

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    *(0, -1, 1, 2, 3, 7, 255, 2**31, 2**32, 2**40, 2**53, 2**63, 2**64, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 1.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "x",
        "\0",
        "\ud800",
        "\udc80",
        "\n",
        "\x1b[2J",
        "a\nb",
        "é",
        "\U0010ffff",
        "%s{0}",
        "-",
        "--output",
    ),
    *("x" * 100_000, "1", "1e9", "nan", "null", "true", "cell.py:Own", "./cell.py:Own", "../run/cell.py:Own"),
    *(
        "../outside/victim.txt",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/mem",
        "/etc/shadow",
        "~",
        "$HOME",
        "**",
        "[",
        "*",
    ),
    *(
        "utf-7",
        "utf-16",
        "unicode_escape",
        "idna",
        "punycode",
        "rot13",
        "zlib_codec",
        "undefined",
        "a\0b",
        "../x",
    ),
    *("lstm", "gru", "static", "scan", "byte", "char", "words", "sgd", "bfloat16", "replace", "best"),
    *(
        [],
        [[]],
        [1],
        ["a"],
        ["a", "a"],
        ["b", "a"],
        list("abc"),
        [None],
        [["a"]],
        ["\ud800"],
        NESTED,
        ["x"] * 3000,
    ),
    *({}, {"a": 1}, {"": ""}, {"../../x": 1}, {"\ud800": 1}, {"a": NESTED}),
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to each value inside `value`, itself first."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in below for found in paths_in(inner, (*path, key)))]


def mutate(value: Any, chance: random.Random) -> tuple[Any, str]:
    """`value`, which is changed, with something odd at one or two paths_in, and where."""
    changes = []
    for _ in range(chance.choice((1, 1, 1, 2))):
        path = chance.choice(paths_in(value))
        if not path:
            odd = chance.choice(ODD)
            return odd, f"all of it is {odd!r:.60}"
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        changes.append(change(parent, path[-1], chance))
    return value, ", ".join(changes)


def change(parent: Any, key: Any, chance: random.Random) -> str:
    """Change what `parent` says of `key`, and say how."""
    action = chance.choice(("odd", "odd", "odd", "odd", "gone", "named", "added"))
    odd = chance.choice(ODD)
    if action == "gone":
        del parent[key]
    elif action == "named" and isinstance(parent, dict):
        name = odd if isinstance(odd, str) else f"{key}x"
        parent[name] = parent.pop(key)
        return f"{key} is called {name!r:.60}"
    elif action == "added" and isinstance(parent, dict):
        parent[f"{key}s"] = odd
    elif action == "added":
        parent.append(odd)
    else:
        parent[key] = odd
    return f"{key} {action}: {odd!r:.60}"
