"""`python -m assetsync`."""

from __future__ import annotations

from assetsync.cli.app import main

main()
