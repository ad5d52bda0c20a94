"""The keys of a mapping of assets.yaml: nodes to values, with all problems collected."""

from __future__ import annotations

import re

from assetsync.errors import AssetsyncError, Located, ManifestError
from assetsync.escape import brief
from assetsync.manifest.nodes import MAX_PROBLEMS, MORE_PROBLEMS, Mapping, Node, Scalar
from assetsync.model.manifest import Entry
from assetsync.suggest import did_you_mean

_TELLING = r"(?i)secret|password|token|credential|access_key|account_key|connection_string|sas"


class Fields:
    """Reads keys, and notes what is wrong with them in `problems`. Each method returns what it can make of a node."""

    def __init__(self, problems: list[Located], filename: str) -> None:
        self.problems = problems
        self._filename = filename

    def _problem(self, node: Node | Entry | None, message: str) -> None:
        line, column = (node.line, node.column) if node is not None else (1, 1)
        if len(self.problems) >= MAX_PROBLEMS:
            raise ManifestError(self._filename, [*self.problems, Located(line, column, MORE_PROBLEMS)])
        self.problems.append(Located(line, column, message))

    def _check_keys(self, mapping: Mapping, known: tuple[str, ...], *, of_store: bool = False) -> None:
        for name, (key, _) in mapping.pairs.items():
            if name not in known:
                self._problem(key, _unknown_key(name, known, of_store=of_store))

    def _string(self, mapping: Mapping, name: str) -> str | None:
        """The string under a key; None when the key is not there or its value is no string."""
        node = mapping.get(name)
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.is_null:
            self._problem(node, f"`{name}` must be a string")
        elif not node.is_string:
            self._problem(node, f'`{name}` must be a string: write `{name}: "{brief(node.text)}"`')
        elif not node.text:
            self._problem(node, f"`{name}` is empty")
        else:
            return node.text
        return None

    def _boolean(self, mapping: Mapping, name: str, *, default: bool) -> bool:
        node = mapping.get(name)
        if node is None:
            return default
        word = node.text.lower() if isinstance(node, Scalar) and not node.is_string else ""
        if word not in ("true", "false"):
            self._problem(node, f"`{name}` must be `true` or `false`, without quotes")
        return word == "true"


def _unknown_key(name: str, known: tuple[str, ...], *, of_store: bool) -> str:
    if name == "<<":
        return "merge keys (`<<`) can't stand here; write the keys out"
    shown = f"unknown key `{brief(name)}`"
    if of_store and re.search(_TELLING, name):
        return f"{shown}; if it is a credential, it belongs into the environment, never into a manifest"
    listed = "the keys here are " + ", ".join(f"`{key}`" for key in known)
    return f"{shown}; {did_you_mean(name[:50].lower(), known) or listed}"


def with_hint(error: AssetsyncError) -> str:
    """The message of an error and its hint, as one line."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
