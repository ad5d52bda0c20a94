"""Yanking: a version that turned out bad leaves `.versions`, while its data and `.meta` stay for those who pinned it.

::

    1 mark     NAME.marks      compare-and-swap: no alias can be moved to it from here on
    2 unlist   NAME.versions   compare-and-swap: nobody who asks for the newest gets it from here on

The mark is the truth, and the index follows it: killed in between, the same command again does the second step, and so
does the repair of `doctor`. Taking it back goes the same way: the mark first. modelkit takes its next number from
`.versions` and overwrites directories, so the newest version of a line stays until a newer one is there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from assetsync.errors import ConflictError, InvalidError
from assetsync.model.history import History
from assetsync.model.marks import Act, Yank
from assetsync.model.names import Spec
from assetsync.model.versioning import Lines
from assetsync.remote.marks import change_marks, read_marks
from assetsync.remote.resolve import unknown
from assetsync.remote.store import Store


def yank(store: Store, name: str, version: str, act: Act) -> Yank:
    """Mark a listed version as bad, and take it out of `.versions`; returns the yank. `act.message` says why.

    It goes on with a yank that was cut short. ConflictError while an alias is at it, and for the newest of its line;
    NotFoundError; StoreError, DamagedError.
    """
    check_yankable(store, name, version)
    marks = change_marks(store, name, lambda found: found.with_yank(name, version, act))
    _drop(store, name, [version])
    return marks.yanked[version]


def undo(store: Store, name: str, version: str, act: Act) -> None:
    """Take a yank back: the version is listed again. It goes on with one that was cut short.

    NotFoundError for a version that was never yanked; StoreError, DamagedError.
    """
    change_marks(store, name, lambda found: found.without_yank(name, version, act))
    relist(store, name, [version])


def relist(store: Store, name: str, versions: Collection[str]) -> Sequence[str]:
    """Put committed versions into `.versions`, but for those that are yanked; returns those that are.

    The marks are read once more at the end: a yank writes its mark before it unlists, so one that came in between
    either finds what was listed here, or is found here. StoreError, DamagedError.
    """
    yanked = read_marks(store, name).yanked
    wanted = [version for version in versions if version not in yanked]
    if wanted:
        store.indexes.rewrite(name, lambda listed: (*listed, *wanted))
        yanked = read_marks(store, name).yanked
        _drop(store, name, [version for version in wanted if version in yanked])
    return [version for version in versions if version in yanked]


def _drop(store: Store, name: str, versions: Collection[str]) -> None:
    if versions:
        store.indexes.rewrite(name, lambda listed: [one for one in listed if one not in versions])


def check_yankable(store: Store, name: str, version: str, *, is_followed: bool = False) -> bool:
    """Whether a yank has all to do, and is not merely to be finished.

    ConflictError while an alias is at the version, and for the newest of its line, unless it `is_followed` by the time;
    NotFoundError for one that is not listed. StoreError, DamagedError.
    """
    index = store.indexes.of(name)  # before the marks: another yank writes its mark first, and then unlists
    listed, marks = index.listed if index else (), read_marks(store, name)
    if version in marks.yanked:
        return False
    marks.check_yankable(name, version)
    if version not in listed:
        if version in store.folder(name).committed:
            raise ConflictError(
                f"`{name}:{version}` is not in the index of `{store.called}`, and may just be being published",
                hint="`assetsync doctor --repair` puts it there, if its publisher died",
            )
        raise unknown(store, Spec(name, version), listed)
    if not is_followed and would_be_taken(store, name, version):
        raise ConflictError(
            f"`{name}:{version}` is the newest of its line: modelkit would publish its next one over it",
            hint=f"have an older one published once more: `assetsync yank {name}:{version} --republish OLD`",
        )
    return True


def would_be_taken(store: Store, name: str, version: str) -> bool:
    """Whether a program that knows the other listed versions alone, as modelkit does, might name its next one so.

    That is the newest of a line. Dates are no case of it, as long as another version is there.
    """
    index, system = store.indexes.of(name), store.versioning
    line = system.line_of(version) if isinstance(system, Lines) else None
    others = [one for one in History.of(index.listed if index else (), system).in_line(line) if one != version]
    try:
        following = system.next(others, now=datetime.now(UTC)) if others else version
    except InvalidError:  # nothing can follow them
        return True
    return not History(system, ()).is_newer(following, version)
