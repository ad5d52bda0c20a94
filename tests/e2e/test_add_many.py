"""`add` with many paths and with patterns."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def data(repo: Repo) -> Repo:
    for name in ("one.bin", "two.bin", "more/a.txt"):
        repo.write(f"data/{name}", name)
    return repo


def test_a_pattern_adds_what_it_matches_and_shows_it(data: Repo) -> None:
    err = data.run("add", "data/*", "--yes").err
    for name, path in (("data/one", "data/one.bin"), ("data/two", "data/two.bin"), ("data/more", "data/more")):
        assert f"Added `{name}`: {path}, to assets.yaml.\n" in err
        assert f"  {name}: {path}\n" in data.read("assets.yaml")
    assert data.read(".gitignore") == "/data/more\n/data/one.bin\n/data/two.bin\n"
    assert err.endswith("Next: `assetsync plan`\n")


def test_many_paths_are_what_an_unquoted_pattern_is(data: Repo) -> None:
    data.run("add", "data/one.bin", "data/two.bin", "data/more", "--version", "1")
    assert data.read("assets.yaml").count('version: "1"') == 3
    assert "3 to create" in data.run("plan", "data/*").out


def test_two_arguments_are_path_and_name_unless_the_second_is_a_path(data: Repo) -> None:
    data.run("add", "data/one.bin", "nlp/one")
    assert "nlp/one: data/one.bin" in data.read("assets.yaml")
    data.run("add", "data/two.bin", "data/more")
    assert "data/two: data/two.bin" in data.read("assets.yaml")
    assert "data/more: data/more" in data.read("assets.yaml")


def test_paths_that_are_assets_already_are_told_and_left(data: Repo) -> None:
    data.run("add", "data/one.bin", "nlp/one")
    err = data.run("add", "data/*").err
    assert "data/one.bin is `nlp/one` already." in err
    assert data.read("assets.yaml").count("data/one.bin") == 1
    assert data.read("assets.yaml").count("data/two.bin") == 1
    before = data.read("assets.yaml")
    data.run("add", "data/*")
    assert data.read("assets.yaml") == before


def test_all_or_nothing(data: Repo) -> None:
    before = data.read("assets.yaml")
    data.write("data/one.txt", "the same name")
    said = data.run("add", "data/*", code=64).err
    assert "`data/one.bin` and `data/one.txt` would both be `data/one`" in said
    assert "`data/none` does not exist" in data.run("add", "data/two.bin", "data/more", "data/none", code=1).err
    assert "no path matches `data/x*`" in data.run("add", "data/x*", code=64).err
    assert "tells of one asset" in data.run("add", "data/*", "--description", "x", code=64).err
    assert data.read("assets.yaml") == before


def test_a_pattern_is_relative_to_where_one_stands(data: Repo) -> None:
    data.run("add", "*.bin", cwd="data")
    assert "data/one: data/one.bin" in data.read("assets.yaml")
    data.run("-C", "data", "add", "mo*")
    assert "data/more: data/more" in data.read("assets.yaml")


def test_a_file_whose_name_has_a_mark_is_meant_itself(data: Repo) -> None:
    data.write("data/x[1].bin", "x")
    data.write("data/x1.bin", "x1")
    data.run("add", "data/x[1].bin", "nlp/x")
    assert "nlp/x: data/x[1].bin" in data.read("assets.yaml").replace('"', "")
