"""Cloud Storage, by fake-gcs-server. It ignores most preconditions, so it is no judge of those; see LENIENT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assetsync.backends.contract import Backend
from assetsync.backends.gcs.store import GRAIN, open_store
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server
from tests.servers.fakegcs import FakeGCSServer, missing, serve_fake_gcs

BUCKET = "contract"


class _FakeGCS(Server):
    many = 1100  # two pages; those of `target_gcs` are judged by it

    def __init__(self, server: FakeGCSServer) -> None:
        self._server = server
        self.environ = server.environ

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"gs://{BUCKET}/{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        backend = open_store(config, self.environ)
        backend.multipart_threshold = GRAIN
        backend.bytes_per_part = GRAIN
        return backend

    def without_bucket(self) -> StoreConfig:
        return StoreConfig("gs://no-such-bucket/prefix")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with serve_fake_gcs() as server:
        server.make_bucket(BUCKET)
        yield _FakeGCS(server)


TARGETS = {"fakegcs": serve}
WITHOUT = {"faults"}

_RESUMABLE = "it ignores `ifGenerationMatch` in resumable uploads"
_COPY = "it ignores `ifGenerationMatch` in rewrites"
LENIENT = {
    "test_completion_never_overwrites": _RESUMABLE,
    "test_a_whole_upload_over_an_object_is_refused_somewhere": _RESUMABLE,
    "test_one_of_many_uploads_in_parts_wins": _RESUMABLE,
    "test_another_client_goes_on_where_the_first_one_died": "it answers the question how much it has with all of it",
    "test_an_aborted_upload_is_gone": "it keeps a session that was cancelled",
    "test_copy_never_overwrites": _COPY,
    "test_one_of_many_copies_wins": _COPY,
    "test_more_keys_than_a_page_holds": "it repeats all folders on each page of a listing",
}
