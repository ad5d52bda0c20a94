"""Documents that whoever answers at an endpoint sends: listings, objects, refusals, times."""

from __future__ import annotations

import json

from botocore.parsers import ResponseParserError

from assetsync.backends.gcs import translate as gcs
from assetsync.backends.gcs.replies import page_of, resource_of, rewrite_of
from assetsync.backends.http import age_of, store_time
from assetsync.backends.refusal import Place
from assetsync.backends.s3 import listing
from assetsync.backends.s3 import translate as s3
from assetsync.escape import printable
from tests.fuzz.register import target

PLACE = Place("s3://bucket/base", "bucket", "http://host:9", "a test")
_OBJECT = {"name": "base/a", "size": "1", "generation": "7", "crc32c": "AAAAAA==", "metadata": {"sha256": "0" * 64}}


@target(
    json.dumps({"items": [_OBJECT], "prefixes": ["base/b/"], "nextPageToken": "x"}).encode(),
    json.dumps(_OBJECT).encode(),
    json.dumps({"done": True, "resource": _OBJECT}).encode(),
    json.dumps({"done": False, "rewriteToken": "x"}).encode(),
)
def gcs_reply(data: bytes) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    for read in (page_of, resource_of, rewrite_of):
        try:
            found = read(document)
        except ValueError:
            continue
        hash(json.dumps(found))


@target(json.dumps({"error": {"message": "no", "errors": [{"reason": "authError"}]}}).encode(), b"<html>", b"")
def gcs_refusal(data: bytes) -> None:
    for status in (400, 403, 404, 412, 500):
        refusal = gcs.told(status, data)
        raised = gcs.refused(gcs.READ, "a", PLACE, refusal, create_only=False)
        assert printable(raised.message) == raised.message
        assert len(raised.message) < 2000


@target(
    b"<ListBucketResult><Contents><Key>base/a</Key><Size>1</Size></Contents><CommonPrefixes><Prefix>base/b/</Prefix>"
    b"</CommonPrefixes><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
    b"<ListBucketResult xmlns='x'><EncodingType>url</EncodingType><Contents><Key>a%20b</Key><Size>1</Size></Contents>"
    b"</ListBucketResult>",
)
def s3_listing(data: bytes) -> None:
    try:
        page = listing.page_of(data)
    except ResponseParserError:
        return
    assert all(key and 0 <= size < 10**18 for key, size, _ in page.objects)
    assert all(page.folders)


@target(
    b"Client error with status 403 Forbidden: <Error><Code>AccessDenied</Code><Message>no</Message></Error>",
    b"<Error><Code>NoSuchKey</Code></Error> status 404",
)
def s3_refusal(data: bytes) -> None:
    refusal = s3.refusal_in(data.decode("utf-8", "replace"))
    if refusal is not None:
        raised = s3.refused(s3.READ, "a", PLACE, refusal, create_only=False)
        assert printable(raised.message) == raised.message
        assert len(raised.message) < 5000


@target(b"Fri, 27 Nov 2026 08:16:15 GMT", b"Fri, 27 Nov 2026 08:16:15 +0100", b"27-Nov-26")
def date(data: bytes) -> None:
    text = data.decode("latin-1")
    good = "Fri, 27 Nov 2026 08:16:15 GMT"
    assert age_of({"Date": good, "Last-Modified": text}) >= 0
    found = store_time({"Date": text})
    assert found is None or abs(found) < 10**15
