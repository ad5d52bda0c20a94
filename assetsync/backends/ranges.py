"""A range of an object, read to its end over all that passes: each try goes on where the one before it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from assetsync.backends.refusal import NoRangeError
from assetsync.backends.retry import Tries
from assetsync.errors import StoreError

# Opens what an object has from a byte on up to another, exclusive: its tag, which the object must have already where
# one is given, and the bytes in chunks. NotFoundError, NoRangeError; ChangedError when it has another tag.
Open = Callable[[int, int, str], tuple[str, Iterator[bytes]]]


def read_range(tries: Tries, open_: Open, start: int, length: int) -> Iterator[bytes]:
    """The bytes of a range, those left out that are not there: see `Backend.read_range`."""
    stream = _Range(open_, start, start + length)
    try:
        while chunk := tries.run(stream.next):
            yield chunk
    except NoRangeError:
        return  # it begins beyond the end


class _Range:
    """The bytes from `start` up to `end`, exclusive, of an object; those that are not there are left out.

    A call of `next` that raised a TransientError may be repeated: it goes on where it was.
    """

    def __init__(self, open_: Open, start: int, end: int) -> None:
        self._open = open_
        self._position = start
        self._end = end
        self._tag = ""
        self._chunks: Iterator[bytes] | None = None

    def next(self) -> bytes:
        """The next chunk; none at the end. StoreError."""
        if self._position >= self._end:
            return b""
        if self._chunks is None:
            self._tag, self._chunks = self._open(self._position, self._end, self._tag)
        try:
            chunk = next(self._chunks, b"")
        except StoreError:
            self._chunks = None
            raise
        self._position = self._position + len(chunk) if chunk else self._end
        return chunk
