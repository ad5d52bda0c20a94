"""Pages of a listing, and what is none."""

from __future__ import annotations

import pytest
from botocore.parsers import ResponseParserError

from assetsync.backends.s3.listing import Page, page_of

NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
def test_a_page_is_read_with_and_without_its_namespace(namespace: str) -> None:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult{namespace}><Name>b</Name><Prefix>x</Prefix><EncodingType>url</EncodingType>
        <Contents><Key>a+b/%C3%A9%2B</Key><LastModified>never</LastModified><ETag>&quot;t&quot;</ETag><Size>12</Size></Contents>
        <CommonPrefixes><Prefix>f%20g/</Prefix></CommonPrefixes>
        <NextContinuationToken>t&amp;1</NextContinuationToken></ListBucketResult>"""
    assert page_of(body.encode()) == Page([("a b/é+", 12, '"t"')], ["f g/"], "t&1")


def test_names_are_as_they_are_where_the_store_does_not_encode_them() -> None:
    body = "<ListBucketResult><Contents><Key>a+b%20</Key><Size>0</Size></Contents></ListBucketResult>"
    assert page_of(body.encode()) == Page([("a+b%20", 0, "")], [], "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\x01",
        b"<html><body>Welcome</body></html>",
        b"<!DOCTYPE html><html>",
        b"<Error><Code>SlowDown</Code></Error>",
        b"<ListBucketResult>",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>one</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>" + b"1" * 400 + b"</Size></Contents></ListBucketResult>",
        b'<!DOCTYPE x [<!ENTITY a "aa">]><ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>',
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(ResponseParserError):
        page_of(body)


@pytest.mark.parametrize("encoding", ["idna", "hex", "base64", "utf-7", "rot13"])
def test_an_odd_encoding_is_no_matter(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><ListBucketResult/>'.encode()
    assert page_of(body) == Page([], [], "")


def test_entities_do_not_multiply() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    contents = "<ListBucketResult><Contents>&e11;</Contents></ListBucketResult>"
    body = f'<!DOCTYPE x [<!ENTITY e0 "xxxxxxxxxx">{entities}]>{contents}'
    with pytest.raises(ResponseParserError):
        page_of(body.encode())
