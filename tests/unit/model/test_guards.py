from __future__ import annotations

import pytest

from assetsync.model.guards import Guards, is_allowed, loosened, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("200 B", 200),
        ("5 GiB", 5 * 1024**3),
        ("5GB", 5 * 1000**3),
        ("1.5 kB", 1500),
        ("1.5 KiB", 1536),
        ("2 TB", 2 * 1000**4),
        ("0", None),
        ("0.0001 B", None),
        ("-1", None),
        ("1e9", None),
        ("5 gib", None),
        ("GiB", None),
        ("1 2", None),
        ("\u0661 MB", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_a_path_is_allowed_by_itself_or_by_its_folder() -> None:
    assert is_allowed("tests/key.pem", ["tests/key.pem"])
    assert is_allowed("tests/a/key.pem", ["tests"])
    assert not is_allowed("tests2/key.pem", ["tests"])
    assert not is_allowed("key.pem", [])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (Guards(), Guards(), []),
        (Guards(), Guards(secrets="warn"), ["`secrets` went from `block` to `warn`"]),
        (Guards(secrets="off"), Guards(secrets="warn"), []),
        (Guards(max_files=10), Guards(max_files=11), ["`max_files` went from 10 to 11"]),
        (Guards(max_upload=10), Guards(), ["`max_upload` went from 10 to no limit"]),
        (Guards(), Guards(max_upload=10), []),
        (Guards(majors="manifest"), Guards(), ["`majors` went from `manifest` to `any`"]),
        (Guards(), Guards(majors="manifest"), []),
    ],
)
def test_only_what_permits_more_is_looser(before: Guards, after: Guards, words: list[str]) -> None:
    assert list(loosened(before, after)) == words
