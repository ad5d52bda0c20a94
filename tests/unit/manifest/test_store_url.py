from __future__ import annotations

import pytest

from assetsync.errors import InvalidError
from assetsync.manifest.store_url import check_endpoint, check_store_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("s3://my.bucket_1/some/prefix", "s3://my.bucket_1/some/prefix"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("gs://bucket/p//", "gs://bucket/p"),
        ("az://container/p q/é", "az://container/p q/é"),
        ("s3://bucket/user@host", "s3://bucket/user@host"),
        ("file:///abs/dir/", "file:///abs/dir"),
        ("memory://test", "memory://test"),
        ("./dir/", "./dir"),
        ("../dir", "../dir"),
        (".", "."),
        ("/abs/dir", "/abs/dir"),
        ("/", "/"),
        ("C:/dir", "C:/dir"),
    ],
)
def test_a_store_url_loses_only_its_trailing_slashes(url: str, normal: str) -> None:
    assert check_store_url(url) == normal


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://key:secret@bucket/p", "a store URL can't hold a user, a password, a query or a fragment"),
        ("s3://key@bucket", "a store URL can't hold a user"),
        ("az://container/p?sig=secret", "a store URL can't hold a user"),
        ("https://account.blob.core.windows.net/c?sv=1&sig=secret", "a store URL can't hold a user"),
        ("s3://bucket/p#secret", "a store URL can't hold a user"),
        ("https://bucket.s3.amazonaws.com/p", "`https://` is not the scheme of a store"),
        ("S3://bucket", "`S3://` is not the scheme"),
        ("s3://", "a `s3://` URL needs a bucket"),
        ("s3:///prefix", "a `s3://` URL needs a bucket"),
        ("az://", "a `az://` URL needs a container"),
        ("gs://bad bucket/p", "the bucket of a store is letters"),
        ("s3://../p", "the bucket of a store is letters"),
        ("s3://bucket-/p", "the bucket of a store is letters"),
        ("s3://b/mk", "the name of a bucket has 3 to 63 characters, and this one has 1"),
        ("gs://bu", "the name of a bucket has 3 to 63 characters, and this one has 2"),
        ("az://c/mk", "the name of a container has 3 to 63 characters, and this one has 1"),
        ("s3://" + "b" * 256, "the name of a bucket has 3 to 63 characters, and this one has 256"),
        ("s3://bucket/../other", "a store URL can't have empty, `.` or `..` segments"),
        ("s3://bucket/a//b", "a store URL can't have empty"),
        ("s3://bucket/./b", "a store URL can't have empty"),
        ("file:///a/../b", "a store URL can't have empty"),
        ("file://host/dir", "a `file://` URL names an absolute directory"),
        ("file://", "a `file://` URL names an absolute directory"),
        ("s3://bucket/a\\b", "a store URL can't hold control characters or backslashes"),
        ("s3://bucket/\x1b[31m", "a store URL can't hold control characters"),
        ("s3://bucket/p\n", "a store URL can't hold control characters"),
        ("models", "`models` is neither a URL nor a directory"),
        ("~/models", "`~/models` is neither a URL nor a directory"),
        ("user:secret@host/models", "this is neither a URL nor a directory"),
        ("", "this is neither a URL nor a directory"),
    ],
)
def test_what_is_no_store_is_refused_without_repeating_a_secret(url: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_store_url(url)
    assert caught.value.message.startswith(message)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("url", ["https://minio.example.com:9000", "http://127.0.0.1:9000/path"])
def test_an_endpoint_is_an_http_url(url: str) -> None:
    assert check_endpoint(url + "/") == url


@pytest.mark.parametrize(
    "url", ["minio:9000", "https://", "ftp://host", "https://u:secret@host", "https://host?x=secret", "https://h\n"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_endpoint(url)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
