"""Errors of the operating system in our words: stores translate theirs, so what is left is about local files."""

from __future__ import annotations

import errno

from assetsync.errors import ContentError
from assetsync.escape import printable

_TOO_MANY = (errno.EMFILE, errno.ENFILE)
_WAYS_OUT = {
    errno.EMFILE: "raise the limit (`ulimit -n 1024`), or give `--jobs 4`,",
    errno.ENFILE: "let other programs close files, or give `--jobs 4`,",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
}


def local_error(error: OSError, path: str = "") -> ContentError:
    """The error for one of the system; `path` is what it is about when it names no file."""
    # The file that is one too many may be any, one of Python's own too.
    named = "" if error.errno in _TOO_MANY else error.filename or path
    where = f": `{printable(str(named))}`" if named else ""
    way_out = _WAYS_OUT.get(error.errno or 0, "mend that")
    return ContentError(
        f"{(error.strerror or str(error)).lower()}{where}",
        hint=f"{way_out} and run the same command again; what was done is kept",
    )
