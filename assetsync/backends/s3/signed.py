"""Requests without a body, signed by botocore and sent without a client of boto3: one try each.

A client takes a tenth of a second to open, and three times as long for each request: it knows all that S3 can do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from assetsync.backends.refusal import Operation, Place
from assetsync.backends.s3.access import Access, Location
from assetsync.backends.s3.failures import cut, refusal_of_reply
from assetsync.backends.s3.translate import DELETE, refused

NO_QUERY: Mapping[str, str] = {}


class Call(NamedTuple):
    """A call of the S3 API, by its name there and its HTTP method; and the operation that it serves."""

    name: str
    method: str
    operation: Operation


_DELETE = Call("DeleteObject", "DELETE", DELETE)


class Requests:
    """Sends requests about one bucket, under a prefix (empty, or with a slash at its end)."""

    def __init__(self, access: Access, place: Callable[[], Place], prefix: str) -> None:
        self._access = access
        self._place = place
        self._prefix = prefix

    def delete_object(self, key: str) -> None:
        """Deleting what is not there is fine. One try. StoreError."""
        self.send(_DELETE, key)

    def send(self, call: Call, key: str | None, query: Mapping[str, str] = NO_QUERY) -> bytes:
        """The body of the reply to a call for an object, or for the bucket. It follows a bucket to its region.

        StoreError.
        """
        location = self._access.location
        try:
            reply = self._sent(call, location, key, query)
            if reply.status_code >= 300 and self._moved(location, reply):
                reply = self._sent(call, self._access.location, key, query)
            body: bytes = reply.content
        except (BotoCoreError, HTTPError, ResponseParserError, ValueError, OverflowError, OSError) as error:
            raise cut(call.operation, key or "", self._place(), error) from error
        if reply.status_code >= 300:
            raise refused(call.operation, key or "", self._place(), refusal_of_reply(reply), create_only=False)
        return body

    def _sent(self, call: Call, location: Location, key: str | None, query: Mapping[str, str]) -> AWSResponse:
        url = location.url if key is None else f"{location.url}/{quote(self._prefix + key, safe='/~')}"
        request = AWSRequest(call.method, url, {"User-Agent": "assetsync"}, params=query)
        if not self._access.anonymous:
            S3SigV4Auth(ReadOnlyCredentials(*self._access.frozen()), "s3", location.region).add_auth(request)
        reply: AWSResponse = self._access.sender(location).send(request.prepare(), call.name)
        return reply

    def _moved(self, before: Location, reply: AWSResponse) -> bool:
        """Whether the bucket is in another region, by what a reply says, and that was found out by now."""
        region = refusal_of_reply(reply).region
        if not region and reply.status_code in (301, 307):
            region = self._access.region_of_bucket()
        return region not in ("", before.region) and self._access.move(region)
