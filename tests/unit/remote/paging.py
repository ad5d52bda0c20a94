"""A store in memory that lists in pages, and counts what it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from assetsync.backends.contract import Blob, Listing
from assetsync.backends.memory.store import MemoryBackend

PAGE = 1000


class PagingBackend(MemoryBackend):
    """Pages of at most PAGE entries. `asked` has the number of listings with a delimiter, of pages, and of reads."""

    def __init__(self) -> None:
        super().__init__("memory://paging")
        self.asked: Counter[str] = Counter()

    def read(self, key: str, *, limit: int = 1024 * 1024) -> Blob:
        self.asked["read"] += 1
        return super().read(key, limit=limit)

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        self.asked["list"] += 1
        return super().list(prefix, delimiter=delimiter)

    def pages(self, prefix: str, *, delimiter: bool) -> Iterator[Listing]:
        whole = super().list(prefix, delimiter=delimiter)
        tagged = [entry._replace(tag=super(PagingBackend, self).read(entry.key).tag) for entry in whole.objects]
        for start in range(0, max(len(whole.folders) + len(whole.objects), 1), PAGE):
            self.asked["page"] += 1
            before = max(start - len(whole.folders), 0)
            folders = whole.folders[start : start + PAGE]
            yield Listing(tagged[before : before + PAGE - len(folders)], folders)
