"""The command line. The only place that prints, prompts, exits or reads the environment."""

from __future__ import annotations

from assetsync.cli.app import main

__all__ = ["main"]
