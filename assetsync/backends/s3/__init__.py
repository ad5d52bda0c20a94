"""Stores in S3, and in what speaks like it: `s3://BUCKET/PREFIX`.

::

    backend.py    what assetsync promises of a store, out of
    bucket.py     single calls of the S3 API, over
    wire.py       signed requests on one pool of connections; refusals become errors in
    translate.py  one table
    access.py     credentials, regions, endpoints and signatures, all of them botocore's
    content.py    local files as bodies, objects as streams
    markup.py     XML

Every body is signed with its sha256, which the store verifies. The checksums that botocore's clients add, and their
setting `request_checksum_calculation`, have no part in it: AWS is told the sha256 to keep, other stores are not, since
some of them refuse headers that they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from assetsync.backends.s3.access import Access
from assetsync.backends.s3.backend import S3Backend
from assetsync.backends.s3.bucket import Bucket
from assetsync.backends.s3.wire import Wire
from assetsync.errors import UsageError
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig

_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> S3Backend:
    """The bucket and prefix of `config.url`. Nothing is sent before it is used. UsageError."""
    match = _URL.fullmatch(config.url)
    if match is None:
        raise UsageError(f"`{printable(config.url)}` is no S3 store", hint="write `s3://BUCKET/PREFIX`")
    prefix = (match["prefix"] or "").strip("/")
    url = f"s3://{match['bucket']}/{prefix}".rstrip("/")
    wire = Wire(Access(config, match["bucket"], environ), url, match["bucket"], environ)
    bucket = Bucket(wire, match["bucket"], f"{prefix}/" if prefix else "", config.kms_key_id)
    return S3Backend(url, bucket, conditional_writes=config.conditional_writes)
