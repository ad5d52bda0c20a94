"""Clients of boto3 for a tenth of the time: all sessions of this process have one loader.

Otherwise each has its own, and reads a megabyte of JSON for each client.
"""

from __future__ import annotations

from functools import cache

import botocore.session

botocore.session.create_loader = cache(botocore.session.create_loader)


def _read_what_clients_of_s3_need() -> None:
    loader = botocore.session.create_loader(None)
    for kind in ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2"):
        loader.load_service_model("s3", kind)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)


_read_what_clients_of_s3_need()
