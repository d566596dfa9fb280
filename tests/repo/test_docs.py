"""Documents that cannot rot: what the code offers must be written down, and the other way round."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer.main

from daemon.cli import app
from daemon.views.schemas import VIEWS, schema
from market import errors
from shadow.report.row import ReportRow
from shadow.store.schema import MIGRATIONS
from tests import pages
from tests.support.schemas import keys_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CLI = (DOCS / "cli.md").read_text()


# Every command by its full name.
COMMANDS = dict(pages.walked(typer.main.get_command(app)))
EVERYWHERE = {"--help", "--state", "--mode", "--config", "--json"}


def options(command: Any) -> set[str]:
    """Return a command's visible options."""
    visible = [p for p in command.params if not getattr(p, "hidden", False)]
    return {o for p in visible for o in p.opts if o.startswith("--")}


def test_what_is_made_from_the_code_is_what_the_code_says() -> None:
    """`make docs` writes it anew."""
    assert pages.stale() == []


def test_every_part_has_one_place_on_its_page_and_the_rest_is_left_alone() -> None:
    for page, parts in pages.PARTS.items():
        text = (DOCS / page).read_text()
        for name, made in parts.items():
            spoilt = text.replace(made(), "old")
            assert spoilt != text, f"{page}: {name}"
            assert pages.remade(page, f"before\n{spoilt}after\n") == f"before\n{text}after\n"
            with pytest.raises(ValueError, match=f"{name}.* must have exactly one place"):
                pages.remade(page, text.replace(f"<!-- make docs: {name} -->", ""))


def test_every_command_and_option_is_explained_in_words() -> None:
    """In what is written by hand, not only in the list that is made."""
    words = CLI[: CLI.index("## Every command")]
    missing = [
        thing
        for name, command in COMMANDS.items()
        for thing in (name, *sorted(options(command) - EVERYWHERE))
        if thing not in words
    ]
    assert not missing


def test_every_documented_command_exists() -> None:
    documented = set(re.findall(r"`(gnomon(?: [a-z]+)+)", CLI))
    for words in documented:
        assert any(
            words == c or words.startswith(c + " ") or c.startswith(words) for c in COMMANDS
        ), words


def test_every_exit_code_is_documented() -> None:
    codes = {
        value.exit_code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.GnomonError)
    }
    assert codes == {65, 69, 70, 75, 78}
    for code in codes | {0, 2}:
        assert f"| {code} |" in CLI


def test_report_keys_are_documented() -> None:
    for name in ReportRow.__struct_fields__:
        assert f"`{name}`" in CLI, name


# Where the keys of a view are documented, and words in code type there that are no keys of it.
SECTIONS: dict[str, tuple[str, set[str]]] = {
    "status": ("gnomon status", set()),
    "positions": ("gnomon positions", set()),
    "lens": ("gnomon lens", set()),
    "series": ("gnomon lens", set()),
    "why": ("gnomon why", set()),
    "explain": ("gnomon explain", {"limit_day", "branch_day", "rollup", "tape"}),
    "report": (
        "gnomon shadow report",
        {
            *("stage", "control", "value", "open", "joint", "no_data", "unfunded", "suspect"),
            *("no_book", "called_off", "wound_down", "no_risk"),
        },
    ),
    "idle": ("gnomon why --idle", set()),
    "glossary": ("gnomon glossary", set()),
    "pnl": ("gnomon pnl", set()),
    "trades": ("gnomon trades", set()),
    "blocked": ("gnomon shadow list", {"blocked"}),
    "weights": ("gnomon weights", set()),
    "regime": ("gnomon regime", set()),
}


def named_in(heading: str) -> set[str]:
    """Return the words in code type of a section, from its first word of JSON on."""
    (section,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", CLI, re.M | re.S)
    text = section[section.index("JSON") :]
    return {w.rsplit(".", 1)[-1] for w in re.findall(r"`([a-z][a-z0-9_.]*)`", text)}


def columns(*tables: str) -> set[str]:
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in MIGRATIONS:
            db.executescript(migration)
        return {
            row[0] for t in tables for row in db.execute(f"SELECT * FROM {t} LIMIT 0").description
        }


# What is optional at installation is named in backticks too.
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("name", VIEWS)
def test_every_key_of_a_view_is_documented(name: str) -> None:
    heading, _ = SECTIONS[name]
    documented = named_in(heading)
    if name == "why":
        documented |= columns("signal", "check_result", "trade")
    if name == "weights":
        documented |= columns("weight")
    if name == "status":
        documented |= named_in("gnomon why")
    assert keys_of(schema(name)) <= documented, keys_of(schema(name)) - documented


@pytest.mark.parametrize("heading", sorted({heading for heading, _ in SECTIONS.values()}))
def test_every_documented_key_is_in_a_schema(heading: str) -> None:
    views = [name for name, (where, _) in SECTIONS.items() if where == heading]
    promised = set().union(*(keys_of(schema(name)) for name in views))
    known = EXTRAS.union(*(SECTIONS[name][1] for name in views))
    assert named_in(heading) <= promised | known, named_in(heading) - promised - known


def test_the_views_there_are_are_documented() -> None:
    (section,) = re.findall(r"^## gnomon schema$(.*?)(?=^## )", CLI, re.M | re.S)
    assert set(re.findall(r"`([a-z]+)`", section)) == set(VIEWS) == set(SECTIONS)


def test_tables_and_views_are_documented() -> None:
    page = (DOCS / "database.md").read_text()
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in MIGRATIONS:
            db.executescript(migration)
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type <> 'index'")]
    for name in names:
        assert f"`{name}`" in page, name


def test_sql_examples_run() -> None:
    page = (DOCS / "database.md").read_text()
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in MIGRATIONS:
            db.executescript(migration)
        for block in re.findall(r"```sql\n(.*?)```", page, re.S):
            for statement in filter(str.strip, block.split(";\n")):
                db.execute(statement).fetchall()


def anchors(text: str) -> set[str]:
    """Return what the headings of a page can be linked by, as the forges and the site make it."""
    found: dict[str, int] = {}
    for line in re.sub(r"```.*?```", "", text, flags=re.S).splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            name = words.replace(" ", "-")
            found[name] = found.get(name, -1) + 1
    return {
        name if not n else f"{name}-{n}" for name, last in found.items() for n in range(last + 1)
    }


def test_links_between_documents_lead_somewhere() -> None:
    lost = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")):
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text()):
            there = page.parent / target if target else page
            if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
                lost.append(f"{page.name}: {target}#{anchor}")
    assert not lost


def test_the_site_has_every_page_in_its_list_and_nothing_from_elsewhere() -> None:
    """A link out of docs/ leads nowhere on the site; fonts and scripts of others are fetched."""
    text = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"([\w/-]+\.md)$", text, re.M)
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(listed) == sorted(there), set(listed) ^ there
    outside = [
        f"{path.name}: {target}"
        for path in DOCS.rglob("*.md")
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text())
        if not (path.parent / target).resolve().is_relative_to(DOCS)
    ]
    assert not outside
    assert "font: false" in text and "http" not in re.sub(r"^ *#.*$", "", text, flags=re.M)


def test_the_readme_shows_the_two_commands_in_its_first_screen() -> None:
    first = (ROOT / "README.md").read_text().splitlines()[:15]
    assert any(line.startswith("make run") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_make_targets_named_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")):
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"


# Files that a page tells its reader to make, and folders of a state that only a run makes.
TO_BE_MADE = {
    "divisions/trend/streak.py",
    "tests/divisions/trend/test_streak.py",
}
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
CODE = (
    r"(?:market|quant|venue|divisions|risk|shadow|research|daemon|bench|tests|deploy|systemd|docs)"
)


def found(dotted: str) -> bool:
    """Say whether a dotted name is a module, or something that a module holds."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        at = ROOT.joinpath(*parts[:end])
        if at.with_suffix(".py").is_file() or at.is_dir():
            rest = parts[end:]
            text = at.with_suffix(".py").read_text() if at.with_suffix(".py").is_file() else ""
            return all(re.search(rf"\b{re.escape(name)}\b", text) for name in rest)
    return False


def in_code_type(text: str) -> list[str]:
    """Return what stands in code type in running text, and blocks of no named language."""
    blocks = re.findall(r"```\n(.*?)```", text, re.S)
    return [*re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S)), *blocks]


def test_files_and_folders_named_in_documents_exist() -> None:
    tree = (ROOT / folder for folder in CODE[3:-1].split("|"))
    names = {path.name for folder in tree for path in folder.rglob("*.py")}
    missing = []
    for page in PAGES:
        for words in in_code_type(page.read_text()):
            for path in re.findall(rf"(?<![\w./-]){CODE}/[\w./-]*\w/?", words):
                if path not in TO_BE_MADE and not (ROOT / path).exists():
                    missing.append(f"{page.relative_to(ROOT)}: {path}")
            # In a drawing a file may stand below its folder's name.
            for name in re.findall(r"(?<![\w/.-])\w+\.py\b", words):
                if name not in names:
                    missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert not missing


def test_modules_and_what_they_hold_named_in_documents_exist() -> None:
    missing = []
    for page in PAGES:
        for words in in_code_type(page.read_text()):
            for dotted in re.findall(rf"(?<![\w./-]){CODE}(?:\.[A-Za-z_]\w*)+(?!\w*[/(])", words):
                if not found(dotted):
                    missing.append(f"{page.relative_to(ROOT)}: {dotted}")
    assert not missing
