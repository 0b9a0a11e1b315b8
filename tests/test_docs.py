"""Documents that are wrong fail: commands, settings, links, generated pages, the lesson, machine paths."""

import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest

from cds_service.cli import main
from cds_service.knowledge.attribute_page import attribute_page
from cds_service.knowledge.library import Library, load_library
from cds_service.knowledge.precedence import precedence_page
from cds_service.knowledge.schema import schema_text
from cds_service.knowledge.vocabulary import vocabulary_page
from cds_service.settings import PREFIX, SECRETS, Settings, secret_file
from cds_service.simulation.check import check
from cds_service.simulation.vignettes import read_vignettes

ROOT = Path(__file__).resolve().parents[1]
CARDS, ENGINE, DOCS = ROOT / "cards", ROOT / "cds_service", ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("deploy/**/*.md"), *CARDS.glob("shared/**/*.md")])


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- README and .ci/run


def readme_commands() -> list[str]:
    """The commands that set up and run, a block each."""
    return re.findall(r"```sh\n(python3 -m venv [^\n]+)\n```", text(ROOT / "README.md"))


def test_readme_has_exactly_two_commands_from_a_fresh_clone() -> None:
    job, suite = readme_commands()
    assert job.endswith("cramp-cds demo")
    assert suite.endswith("pytest -q")


def test_the_checks_run_the_commands_of_the_readme() -> None:
    steps = re.findall(r'^step "([^"]+)"$', text(ROOT / ".ci" / "run"), re.MULTILINE)
    assert set(readme_commands()) <= set(steps)


def test_readme_counts_the_cards(library: Library) -> None:
    said = f"{len(library.cards)} of {len(library.references.catalogue)} cards are written"
    assert said in text(ROOT / "README.md")
    assert all(card.status == "draft" for card in library.cards), "README says that every card is a draft"


def test_the_changelog_names_every_card(library: Library) -> None:
    named = set(re.findall(r"`([a-z0-9-]+)`", text(ROOT / "CHANGELOG.md")))
    assert {card.id for card in library.cards} <= named
    assert {"### Clinical", "### Engine"} <= set(text(ROOT / "CHANGELOG.md").splitlines())


def test_the_architecture_is_short_and_names_every_room() -> None:
    page = text(DOCS / "architecture.md")
    assert len(page.splitlines()) <= 170
    rooms = [path for path in ENGINE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = {path.name if path.suffix else f"{path.name}/" for path in rooms} - {"__init__.py"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_the_code_map_names_files_that_exist() -> None:
    table = text(DOCS / "architecture.md").partition("## Code map")[2].partition("\n## ")[0]
    named = re.findall(r"`((?:[a-z]+/)+[a-z_]+\.py)`", table)
    assert named
    assert [name for name in named if not (ENGINE / name).exists()] == []


# --- settings and commands


def settings_table() -> dict[str, str]:
    return dict(re.findall(r"^\| `(CDS_[A-Z_]+)` \|([^|]*)\|", text(DOCS / "operating.md"), re.MULTILINE))


KNOWN = {PREFIX + name.upper() for name in Settings.model_fields} | {secret_file(name) for name in SECRETS}


def test_operating_lists_every_setting_and_no_other() -> None:
    assert set(settings_table()) == KNOWN


def test_the_defaults_in_operating_are_the_defaults() -> None:
    settings = Settings()
    for name, said in settings_table().items():
        value = getattr(settings, name.removeprefix(PREFIX).lower(), None)
        plain = re.fullmatch(r"`([^`]+)`", said.strip())
        if plain and not re.search("HOST|CDS_", plain[1]):  # those follow from other settings
            shown = ",".join(value) if isinstance(value, tuple) else str(value)
            assert plain[1] in (shown, shown.lower()), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_named_anywhere_exist(page: Path) -> None:
    assert set(re.findall(r"\bCDS_[A-Z_]*[A-Z]\b", text(page))) <= KNOWN


def commands(group: click.Group, path: str = "cramp-cds") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def section_of_command(path: str) -> str:
    page = text(DOCS / "commands.md")
    found = re.search(rf"^## {re.escape(path)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no heading for {path}"
    return found[1]


@pytest.mark.parametrize(("path", "command"), list(commands(main)), ids=[path for path, _ in commands(main)])
def test_every_command_stands_in_its_page_with_its_options(path: str, command: click.Command) -> None:
    section = section_of_command(path)
    options = [name for param in command.params if isinstance(param, click.Option) for name in param.opts]
    assert [name for name in options if f"`{name}`" not in section] == []
    assert "Exit 0" in section


def test_no_command_is_invented() -> None:
    headings = re.findall(r"^## (cramp-cds(?: [a-z]+)+)", text(DOCS / "commands.md"), re.MULTILINE)
    assert set(headings) == {path for path, _ in commands(main)}


# --- generated pages, links


def test_the_precedence_page_is_fresh(library: Library) -> None:
    assert text(DOCS / "precedence.md") == precedence_page(library.cards), "run: cramp-cds vocabulary --write"


def test_the_page_of_source_attributes_is_fresh(library: Library) -> None:
    assert text(DOCS / "source-attributes.md") == attribute_page(library), "run: cramp-cds vocabulary --write"


def test_the_vocabulary_page_is_fresh() -> None:
    assert text(DOCS / "vocabulary.md") == vocabulary_page(), "run: cramp-cds vocabulary --write"


def test_the_schema_of_cards_is_fresh() -> None:
    assert text(CARDS / "schema" / "card.schema.json") == schema_text(), "run: cramp-cds vocabulary --write"


def links(page: Path) -> list[str]:
    prose = re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"https?:|mailto:|#", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link.partition("#")[0]).exists()] == []


def test_every_page_is_linked_from_another() -> None:
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    lonely = [page.name for page in DOCS.glob("**/*.md") if page not in linked]
    assert lonely == []


# --- the lesson in docs/authoring-cards.md


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """The library of the lesson: the shared files, and the card that its reader has written."""
    folder = tmp_path / "my-cards"
    shutil.copytree(CARDS / "shared", folder / "shared")
    page = text(DOCS / "authoring-cards.md")
    for name, content in re.findall(
        r"^`my-cards/([\w/.-]+)`:[^\n]*\n\n```\w+\n(.*?)```", page, re.MULTILINE | re.DOTALL
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_the_first_card_of_the_lesson_passes_every_check(lesson: Path) -> None:
    report = check(lesson, date(2026, 6, 15))
    assert [str(fault) for fault in report.faults] == []
    assert (report.cards, report.vignettes) == (1, 3)


def test_the_vignette_shown_in_the_lesson_can_be_read(lesson: Path) -> None:
    shown = text(DOCS / "authoring-cards.md").partition("## Vignettes")[2]
    found = re.search(r"```yaml\n(.*?)```", shown, re.DOTALL)
    assert found
    (next(lesson.glob("*/*/vignettes.yaml"))).write_text(found[1], encoding="utf-8")
    library = load_library(lesson)
    (vignette,) = read_vignettes(lesson, library.terms, tuple(library.regions))
    assert vignette.region == "uk"


# --- where things may stand


def tracked_texts() -> Iterator[Path]:
    kept = {"cards", "cds_service", "deploy", "docs", "fixtures", "tests", ".ci"}
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        if path.is_file() and (len(inside) == 1 or inside[0] in kept) and path.suffix not in {".pyc", ".bin", ".gz"}:
            yield path


def test_no_path_of_a_machine() -> None:
    machine = re.compile(rb"(?<![\w.])/(?:work|home|root|Users)/")
    assert [str(path) for path in tracked_texts() if machine.search(path.read_bytes())] == []
