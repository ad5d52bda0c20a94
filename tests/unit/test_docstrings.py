"""Whoever uses the package or changes it finds out from docstrings what goes in and comes out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import assetsync

PACKAGE = Path(assetsync.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# "What is there is not fetched again": a riddle, where a noun would do. Questions may begin so.
RIDDLE = re.compile(r"(?:^|(?<=[.:] ))What [^.?]*[.:]")


def test_all_that_is_public_has_a_docstring() -> None:
    undocumented = [
        f"{name}: {of or 'the module'}" for name, tree in MODULES.items() for of, node in public(tree) if not told(node)
    ]
    assert undocumented == []


def test_a_docstring_begins_with_no_what_that_stands_for_a_noun() -> None:
    riddles = [
        f"{name}: {sentence}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, Definition | ast.Module)
        for sentence in RIDDLE.findall(" ".join((told(node) or "").split()))
    ]
    assert riddles == []


def test_only_a_class_that_keeps_all_of_a_protocol_needs_no_docstrings_for_its_methods() -> None:
    whole, part, other = ast.parse(
        "class Whole:\n  'x'\n  def begin(self): ...\n  def advance(self): ...\n  def end(self): ...\n"
        "class Part:\n  'x'\n  def begin(self): ...\n"
        "class Other:\n  'x'\n  def further(self): ...\n"
    ).body
    assert isinstance(whole, ast.ClassDef)
    assert isinstance(part, ast.ClassDef)
    assert isinstance(other, ast.ClassDef)
    assert [name for name, _ in of_class(whole)] == ["Whole"]
    assert [name for name, _ in of_class(part)] == ["Part", "Part.begin"]
    assert [name for name, _ in of_class(other)] == ["Other", "Other.further"]


def public(tree: ast.Module) -> Iterator[tuple[str, ast.Module | Definition]]:
    """The definitions of a module that need a docstring, by qualified name; the module itself has the empty name."""
    yield "", tree
    for node in definitions(tree):
        if not node.name.startswith("_"):
            yield from of_class(node) if isinstance(node, ast.ClassDef) else iter([(node.name, node)])


def of_class(node: ast.ClassDef) -> Iterator[tuple[str, Definition]]:
    """A class, and its methods but for those that a documented protocol tells of."""
    yield node.name, node
    known = protocol_methods(node)
    for method in definitions(node):
        if not method.name.startswith("_") and method.name not in known and not is_setter(method):
            yield f"{node.name}.{method.name}", method


def protocol_methods(node: ast.ClassDef) -> set[str]:
    """The methods of the protocols of the package of which the class has every method."""
    own = {method.name for method in definitions(node)}
    return set().union(*(methods for protocol, methods in PROTOCOLS if methods <= own and protocol is not node))


def definitions(node: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """The functions and classes directly in a module or a class, and those for one Python or system only."""
    inner = chain.from_iterable([*one.body, *one.orelse] if isinstance(one, ast.If) else [one] for one in node.body)
    return (one for one in inner if isinstance(one, Definition))


def is_setter(method: Definition) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr == "setter" for one in method.decorator_list)


def told(node: ast.Module | Definition) -> str | None:
    return ast.get_docstring(node)


PROTOCOLS = [
    (node, {method.name for method in definitions(node) if told(method)})
    for tree in MODULES.values()
    for node in definitions(tree)
    if isinstance(node, ast.ClassDef)
    and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
]
