"""The options that pick assets by owner and tag."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from assetsync.model.labels import Filter


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--tag` and `--owner`, handed to the function as `labels`."""

    @click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only assets with this tag; repeated: with any.")
    @click.option(
        "--owner", "owners", multiple=True, metavar="OWNER", help="Only assets of this owner; repeated: of any."
    )
    @wraps(function)
    def collected(*args: Any, tags: tuple[str, ...], owners: tuple[str, ...], **kwargs: Any) -> Any:
        return function(*args, labels=Filter(tags, owners), **kwargs)

    return collected
