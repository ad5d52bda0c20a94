"""Having the kernel write a file while more of it arrives, so that the fsync at the end finds little left to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

# From <fcntl.h> of Linux.
_SYNC_FILE_RANGE_WRITE = 2


def start_writing(descriptor: int, at: int, length: int) -> None:
    """Have the kernel begin to write so many bytes of a file to the disk; this does not wait for them.

    It promises nothing: only an fsync, later, tells that they are there. Where the system has no such call, and where
    the file system does not know it, nothing happens.
    """
    _call()(descriptor, at, length, _SYNC_FILE_RANGE_WRITE)


@cache
def _call() -> Callable[[int, int, int, int], object]:
    """sync_file_range(2), or what does nothing. Its errors are left to the fsync."""
    import ctypes

    try:
        call = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):  # not Linux
        return lambda *_: None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
