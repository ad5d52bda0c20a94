"""Each defect of modelkit that docs/modelkit.md tells of, and the tests that keep it out of assetsync.

The tests stand where they belong; this page holds the list, so that none of them goes unnoticed.
"""

from __future__ import annotations

import re
from pathlib import Path

HELD_BY = [
    ("begins with a dot", "tests/e2e/test_modelkit.py::test_modelkit_fetches_what_assetsync_published_byte_for_byte"),
    (
        "existing version of a directory",
        "tests/unit/transfer/test_publish.py::test_a_version_that_modelkit_made_is_taken",
    ),
    ("two updates at once", "tests/faults/test_race.py::test_changes_of_one_asset_become_one_version_each"),
    ("a push that dies", "tests/faults/test_killed_commands.py::test_a_publish_to_a_directory"),
    ("line `1` matches", "tests/unit/model/test_versioning.py::test_a_line_is_a_number"),
    ("a line that does not exist", "tests/unit/transfer/test_fetch.py::test_unknown_versions_name_what_there_is"),
    ("`1` and `01.02`", "tests/unit/model/test_versioning.py::test_major_minor_refuses"),
    (
        "two dates in one second",
        "tests/unit/model/test_versioning.py::test_three_dates_within_one_second_are_three_versions",
    ),
    ("one version of another scheme", "tests/e2e/test_byhand.py::test_mixed_schemes_are_reported_and_usable"),
    ("names such as `a/../../b`", "tests/unit/remote/test_layout.py::test_bad_names"),
    ("names such as `a/_b`", "tests/e2e/test_refused_names.py::test_in_a_directory"),
    ("lead outside", "tests/faults/test_hostile_store.py::test_whatever_the_contents_say_only_the_target_is_touched"),
    (
        "`ns/dir/0.0`",
        "tests/unit/plan/test_decide.py::test_a_name_that_holds_a_version_of_the_configured_system_is_refused",
    ),
    ("in its way", "tests/unit/test_local.py::test_a_process_that_dies_leaves_all_or_nothing"),
    ("`pre2` beside `pre`", "tests/contract/test_listing.py::test_a_sibling_of_the_stores_own_prefix_is_not_listed"),
    ("every object", "tests/e2e/test_stores.py::test_listing_never_looks_into_versions"),
    ("denied access", "tests/contract/test_faults.py::test_denied_is_denied_and_not_tried_again"),
    ("never tried again", "tests/contract/test_faults.py::test_the_lost_reply_of_an_upload_is_ours"),
    ("FORCE_DOWNLOAD", "tests/unit/manifest/test_settings.py::test_a_boolean_is_strict"),
    ("names with dots", "tests/unit/test_s3_access.py::test_a_bucket_of_aws_is_where_botocore_says"),
    ("names with dots", "tests/unit/transfer/test_from_url.py::test_a_prefix_is_exact_and_keeps_its_structure"),
    ("many files", "tests/e2e/test_byhand.py::test_many_files_are_counted_said_and_asked_about"),
    ("the prompt", "tests/e2e/test_byhand.py::test_it_asks_on_a_terminal_and_the_default_is_no"),
    ("a dry run", "tests/e2e/test_byhand.py::test_a_dry_run_asks_nothing_and_writes_nothing"),
    ("`new NAME:5.7`", "tests/e2e/test_byhand.py::test_what_is_refused_has_its_exit_code"),
    ("an empty directory", "tests/unit/plan/test_decide.py::test_an_empty_directory_and_a_missing_path_are_told_apart"),
    ("NAME:1.0[part]", "tests/unit/transfer/test_fetch.py::test_only_the_part_is_downloaded_and_no_whole_is_claimed"),
    ("neither size, digest", "tests/e2e/test_provenance.py::test_each_version_tells_where_it_comes_from"),
]


def _rows() -> list[str]:
    """What modelkit does, of each row of the page's last table."""
    section = Path("docs/modelkit.md").read_text().split("## What is different")[1]
    return re.findall(r"^\| (.+?) \| .+ \|$", section, re.MULTILINE)[1:]


def test_every_defect_is_kept_out_by_a_test() -> None:
    rows = _rows()
    for row in rows:
        assert any(words in row for words, _ in HELD_BY), row
    for words, test in HELD_BY:
        assert sum(words in row for row in rows) == 1, words
        path, _, name = test.partition("::")
        assert f"def {name}(" in Path(path).read_text(), test
