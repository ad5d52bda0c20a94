"""XML of S3, and XML that is none."""

from __future__ import annotations

import pytest

from assetsync.backends.s3.markup import MalformedError, complete_upload, parse


def test_a_document_is_read_without_its_namespace() -> None:
    root = parse(
        b'\n <?xml version="1.0"?><List xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Item><Key>a &amp; b</Key><Size>12</Size></Item><Item><Key/></Item><Next>t</Next></List>"
    )
    assert root.name == "List"
    assert [item.get("Key") for item in root.all("Item")] == ["a & b", ""]
    first = next(root.all("Item"))
    assert (first.need("Key"), first.number("Size")) == ("a & b", 12)
    assert root.get("Absent") == ""


@pytest.mark.parametrize(
    "text", ["<L/>", "<L><Size/></L>", "<L><Size>-1</Size></L>", f"<L><Size>{'9' * 30}</Size></L>"]
)
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="Size"):
        parse(text.encode()).number("Size")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        b"<a><b></a>",
        b"<a/><b/>",
        b"<a>&undefined;</a>",
        b"<!DOCTYPE html><html/>",
        b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
        b"\xff\xfe\x00",
    ],
)
def test_what_no_s3_sends_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(body)


def test_the_list_of_parts_is_well_formed() -> None:
    root = parse(complete_upload([(1, '"a<b"', ""), (2, '"c"', "aGFzaA==")]))
    assert root.name == "CompleteMultipartUpload"
    assert [(part.number("PartNumber"), part.get("ETag"), part.get("ChecksumSHA256")) for part in root.all("Part")] == [
        (1, '"a<b"', ""),
        (2, '"c"', "aGFzaA=="),
    ]
