"""What the documents say exists: links, files, make targets, command lines, variables, glossary."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agent.cli import app as agent
from agent.config import Config, EngineConfig, load
from cux.cli import app as cux
from tests.environment import ROOT
from tests.suites import SUITES

PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text()
PROGRAMS = {"cux": typer.main.get_command(cux), "cux-agent": typer.main.get_command(agent)}
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)+/?|[\w-]+/")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: language and text."""
    return _FENCE.findall(page.read_text())


def inline(page: Path) -> list[str]:
    """Return the code within the text of a page."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", _FENCE.sub("", page.read_text()))]


def shell_lines(page: Path) -> Iterator[str]:
    """Yield the lines of the pages' shell blocks, continued ones joined."""
    for language, text in blocks(page):
        if language in ("sh", ""):
            yield from text.replace("\\\n", " ").splitlines()


def command_lines(lines: list[str]) -> Iterator[list[str]]:
    """Yield the words of each `cux` and `cux-agent` command; environments and pipes before it left out."""
    for line in lines:
        command = line.split(" | ")[-1].strip().removeprefix(".venv/bin/")
        if command.split(" ")[0] in PROGRAMS:
            yield shlex.split(command, comments=True)


def parse(words: list[str]) -> None:
    """Parse a command line as the program would, to the last command's arguments, and run nothing."""
    command: Any = PROGRAMS[words[0]]
    context, rest = None, words[1:]
    while True:
        try:
            context = command.make_context(command.name, list(rest), parent=context)
        except typer.Exit:  # --help
            return
        if not hasattr(command, "resolve_command"):
            return
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


@each_page
def test_what_a_page_links_to_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@each_page
def test_files_of_the_repository_that_a_page_names_exist(page: Path) -> None:
    top = {path.name for path in ROOT.iterdir()} - {"var", ".venv", ".venv-engine"}
    for code in inline(page):
        if _PATH.fullmatch(code) and code.split("/")[0] in top:
            assert (ROOT / code).exists(), code


def test_every_room_of_the_architecture_exists() -> None:
    (rooms,) = (text for _, text in blocks(ROOT / "ARCHITECTURE.md") if text.startswith("Makefile"))
    names = re.findall(r"^(\w+)/ ", rooms, re.MULTILINE)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).is_dir()] == []


@each_page
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    for code in [*inline(page), *shell_lines(page)]:
        named = re.match(r"make ([a-z]+)", code)
        assert named is None or named[1] in targets, code


def test_every_make_target_has_a_line_of_help() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert sorted(re.findall(r"^([a-z]+):.*## \S", MAKEFILE, re.MULTILINE)) == sorted(phony.split())


@each_page
def test_every_command_line_in_a_block_parses(page: Path) -> None:
    for words in command_lines(list(shell_lines(page))):
        parse(words)


@each_page
def test_every_command_named_in_the_text_exists(page: Path) -> None:
    for words in command_lines(inline(page)):
        if len(words) > 1 and not words[1].startswith("-"):
            parse([*words, "--help"])


@pytest.mark.parametrize("words", ["cux order plaice", "cux balance --verbose", "cux-agent run --engine 1"])
def test_a_wrong_command_line_is_noticed(words: str) -> None:
    with pytest.raises(Exception, match=r"No such (command|option)"):
        parse(words.split())


@each_page
def test_every_variable_a_page_names_is_read_somewhere(page: Path) -> None:
    code = MAKEFILE + "".join(
        path.read_text()
        for folder in ("config", "core", "cux", "agent", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    )
    for text in inline(page):
        for name in re.findall(r"\b[A-Z]+_[A-Z_]+\b", text):
            assert re.search(rf"\b{name}", code), name


def test_the_sample_settings_of_the_agent_are_its_defaults(tmp_path: Path) -> None:
    page = ROOT / "docs" / "being-a-provider.md"
    (sample,) = (text for language, text in blocks(page) if language == "toml")
    (tmp_path / "agent.toml").write_text(sample)
    said = load(tmp_path / "agent.toml", {}, {})
    (engine,) = said.engine
    default = (EngineConfig(model_path=engine.model_path),)
    assert said == Config(exchange=said.exchange, model=said.model, engine=default)


def test_the_glossary_says_what_the_pages_say() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    for word in json.loads((ROOT / "web" / "glossary.json").read_text()).values():
        assert f"**{word['name']}**: {word['text']}\n" in glossary


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(path.name for path in folder.glob("0*.md"))


def test_the_budgets_said_are_the_suites() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    said = dict(re.findall(r"^\| `(tests/[^`]+)` .* (\d+) s \|$", page, re.MULTILINE))
    assert said == {shlex.join(suite.tests): str(suite.budget_s) for suite in SUITES}
