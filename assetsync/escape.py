"""Foreign text made harmless before it is written or shown: without secrets, without control characters.

Nothing in assetsync handles secrets itself: they come along in texts of git, an SDK or the environment. They are users
and tokens in URLs, and tokens that are known by their look.
"""

from __future__ import annotations

import re

# Expressions are compiled when they are wanted: most commands meet nothing that they are for.
# A user, or `user:password`; a password may hold a slash or an `@` that nobody has escaped, a port may not.
# The lengths keep a text that is full of `://` from costing the square of its length.
_USER_INFO = r"(?<=://)(?:[^\s/]{0,2048}|[^\s/:@]{0,2048}:(?!\d{0,5}(?:/|$))\S{0,2048})@"
LONGEST_TEXT = 100_000  # characters of what git, an SDK or a traceback says; nobody reads more
_PARAMETER = r"(?i)([?&](?:[\w.-]*(?:token|secret|password|signature|credential|api_?key|sig))=)[^&\s'\"`]+"
_HEADER = r"(?i)(authorization\b['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)?\s*)[^\s'\",]+"
_CONNECTION_STRING = r"(?i)((?:AccountKey|SharedAccessSignature)=)[^;\s'\"`]+"
_KNOWN = r"\b(?:gh[a-z]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,})"

_HOST = r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])"
# An `@` further behind is half of a password that held a slash, or nothing that we know.
_URL = rf"((?:https?|ssh|git)://)(?:[^/\s]*@)?({_HOST}(?::\d+)?)((?:/[^\s@?#]*)?)(?:[?#][^@]*)?"
_SCP_LIKE = rf"(?:[^/\s:@]*@)?({_HOST}):(?!//)([^\s@?#\\]+)"


def redacted(text: str) -> str:
    """`text` for a message, a log or a document: without the user of any URL, and with `…` for secrets in it.

    A text of more than LONGEST_TEXT characters is cut.
    """
    if len(text) > LONGEST_TEXT:
        # Between words, so that no secret is cut in two and no longer known for one.
        text = text[:LONGEST_TEXT].rsplit(None, 1)[0] + "…"
    text = re.sub(_USER_INFO, "", text)
    for pattern in (_PARAMETER, _HEADER, _CONNECTION_STRING):
        text = re.sub(pattern, r"\1…", text)
    return re.sub(_KNOWN, "…", text)


def presentable(text: str) -> str:
    """`text` that may quote git, a store or an SDK, for a terminal or the log of a CI job."""
    return printable(redacted(text))


def public_url(url: str) -> str | None:
    """The URL of a repository or a web page without user, query and fragment; `git@host:path` is `host:path`.

    None for what is no such URL: a local path tells others nothing, and what is not understood may hold anything.
    """
    if match := re.fullmatch(_URL, url):
        return redacted("".join(match.groups()).rstrip("/"))
    match = re.fullmatch(_SCP_LIKE, url)
    if match is None or len(match[1]) == 1:  # a drive of Windows
        return None
    return redacted(f"{match[1]}:{match[2]}")


# And what has no width, or turns the direction of text around: it could make a terminal show one name for another.
# The joiners U+200C and U+200D stay: names in Persian, and some emoji, need them.
UNPRINTABLE = (
    r"\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f"
)
_UNPRINTABLE = f"[{UNPRINTABLE}]"
# More than any name or path may be long; whoever sees a message reads less.
LONGEST_QUOTE = 200


def printable(text: str) -> str:
    """`text` with control characters, turns of direction, what has no width and lone surrogates escaped."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNPRINTABLE, lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def brief(text: str) -> str:
    """The printable start of a text from outside, for the quotes of a message."""
    return printable(text[:LONGEST_QUOTE]) + ("…" if len(text) > LONGEST_QUOTE else "")
