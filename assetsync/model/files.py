"""The files of a project, by name; all lie in its root."""

from __future__ import annotations

MANIFEST = "assets.yaml"
LOCK = "assets.lock"
# The folder of what can be thrown away, and of what protects an interrupted operation.
STATE = ".assetsync"
