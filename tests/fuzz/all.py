"""All targets: everything that assetsync parses and did not write, or can't be sure to have written."""

from __future__ import annotations

from tests.fuzz import replies, state, targets
from tests.fuzz.register import SEEDS, TARGETS

__all__ = ["SEEDS", "TARGETS", "replies", "state", "targets"]
