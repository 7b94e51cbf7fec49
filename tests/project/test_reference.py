"""docs/reference.md against the programs: nothing is missing there, and nothing is made up."""

import re

import click
import pytest

from deltarule.authoring.source import _KEYS
from deltarule.authoring.tags import TagKind
from deltarule.cli import main

COMMANDS = sorted(main.list_commands(click.Context(main)))


@pytest.fixture(scope="module")
def page(course_root):
    return (course_root / "docs" / "reference.md").read_text(encoding="utf-8")


def section(page, heading):
    """What stands below a heading, up to the next of the same rank or a higher one."""
    rank = heading.split(" ")[0]
    _, found, after = page.partition(f"\n{heading}\n")
    assert found, f"docs/reference.md has no '{heading}'"
    return re.split(rf"^#{{1,{len(rank)}}} ", after, maxsplit=1, flags=re.M)[0]


def first_column(text):
    """The words in code quotes in the first column of a section's tables."""
    return [
        name for row in re.findall(r"^\| (`.*?`) \|", text, re.M) for name in row.split("`")[1::2]
    ]


def parameters(command):
    """A command's arguments and options as the page writes them, without their values."""
    for one in main.commands[command].params:
        long = [option for option in one.opts if option.startswith("--")]
        yield long[0] if long else one.human_readable_name.upper()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_and_option_of_a_command_has_its_row(page, command):
    rows = [
        name.split(" ")[0] for name in first_column(section(page, f"### `deltarule {command}`"))
    ]
    assert sorted(rows) == sorted(parameters(command))


def test_every_section_about_a_command_is_about_one_that_exists(page):
    assert sorted(re.findall(r"^### `deltarule (.*)`$", page, re.M)) == COMMANDS


def test_every_tag_has_its_row(page):
    rows = first_column(section(page, "## Tags"))
    assert len(rows) == len(TagKind)
    for kind in TagKind:
        assert [row for row in rows if row.startswith(kind.value)], kind


def test_every_header_setting_has_its_row(page):
    assert first_column(section(page, "## Header settings")) == ["title", *_KEYS]
    for inside in (name for names in _KEYS.values() for name in names or ()):
        assert f"`{inside}`" in section(page, "## Header settings")


def test_options_that_take_a_value_say_so(page):
    for command in COMMANDS:
        rows = first_column(section(page, f"### `deltarule {command}`"))
        for one in main.commands[command].params:
            if isinstance(one, click.Option):
                (row,) = [row for row in rows if row.split(" ")[0] == one.opts[0]]
                assert (" " in row) == (not one.is_flag), row
