"""Small changes of an input, for where no coverage-guided fuzzer is at hand."""

from __future__ import annotations

import random

_PIECES = (
    *b"\x00 \n \r \t \" ' \\ / .. : :: [ ] { } , &a *a !!x <<: -1 # |\n 1e999 null NaN".split(b" "),
    *"\u202e \ufeff é".encode().split(b" "),
    b"\xff", b" ", b"- ", b"? ", b">-\n", b"---\n", b"9" * 30, b"\xed\xa0\x80", b"a" * 2000, b"a/" * 200, b"[" * 50,
    b"<<<<<<< x\n",
)  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four changes: a piece put in, a slice taken out, doubled or moved, a bit flipped."""
    for _ in range(chance.randint(1, 4)):
        start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
        end = min(end, start + chance.choice((1, 4, 40)))
        kind = chance.randrange(5)
        if kind == 0:
            data = data[:start] + chance.choice(_PIECES) + data[start:]
        elif kind == 1:
            data = data[:start] + data[end:]
        elif kind == 2:
            data = data[:end] + data[start:end] * chance.choice((1, 2, 20)) + data[end:]
        elif kind == 3:
            data = data[:start] + chance.choice(_PIECES) + data[end:]
        elif data:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    return data
