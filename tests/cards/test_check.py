"""The three rings of checks over the cards, and what they say of cards that are wrong."""

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from cds_service.simulation.check import check
from tests.conftest import CARDS

TODAY = date(2026, 11, 22)
CARD = "diuretics/thiazide-high-calcium"


def test_every_card_passes_every_ring() -> None:
    report = check(CARDS, TODAY)
    assert [str(fault) for fault in report.faults] == []
    assert report.cards >= 14
    assert report.vignettes > 100


@pytest.fixture
def library_folder(tmp_path: Path) -> Path:
    """A library of one card, to be spoilt: what a slip does is seen without judging all the others again."""
    for part in ("shared", CARD):
        shutil.copytree(CARDS / part, tmp_path / part, ignore=shutil.ignore_patterns("sources"))
    return tmp_path


def test_the_library_of_one_card_is_sound(library_folder: Path) -> None:
    report = check(library_folder, TODAY)
    assert ([str(fault) for fault in report.faults], report.cards) == ([], 1)


Change = Callable[[str], str]


def changed(folder: Path, change: Change, file: str = "card.yaml") -> list[str]:
    path = folder / CARD / file
    path.write_text(change(path.read_text()))
    return [str(fault) for fault in check(folder, TODAY).faults]


def test_an_active_card_needs_people_and_dates(library_folder: Path) -> None:
    faults = changed(library_folder, lambda text: text.replace("status: draft", "status: active"))
    assert any("an active card needs review.reviewer" in fault for fault in faults)


SIGNED = "review: {author: A, reviewer: B, approved: 2026-11-01, last_review: 2026-11-01, next_review: 2027-11-01}"


def activated(text: str) -> str:
    """A card as it would stand after its review: active, signed, dated."""
    signed = re.sub(r"^review: .*$", SIGNED, text, flags=re.MULTILINE)
    return signed.replace("status: draft", "status: active")


def confirm_everything(folder: Path) -> None:
    """What a clinical reviewer does with the statements that hold for every card."""
    path = folder / "shared" / "source-attributes.yaml"
    path.write_text(re.sub(r"^    to_confirm: .*\n", "", path.read_text(), flags=re.MULTILINE))


def test_a_signed_card_with_confirmed_statements_may_be_active(library_folder: Path) -> None:
    confirm_everything(library_folder)
    assert changed(library_folder, activated) == []


def test_evidence_that_is_to_be_confirmed_keeps_a_card_from_being_active(library_folder: Path) -> None:
    confirm_everything(library_folder)
    faults = changed(library_folder, lambda text: activated(text).replace("grade: confirmed", "grade: to be confirmed"))
    assert len(faults) == 1
    assert (
        f'{CARD}/card.yaml: an active card has no evidence "to be confirmed", found grade: to be confirmed' in faults[0]
    )


def test_unconfirmed_evidence_of_one_region_is_enough(library_folder: Path) -> None:
    """The German card would be active too."""
    confirm_everything(library_folder)
    regional = '\nregions:\n  de: {grade: to be confirmed, grade_note: "Not read."}\n'
    (fault,) = changed(library_folder, lambda text: activated(text) + regional)
    assert fault.endswith("found grade: to be confirmed (Not read.) (in de)")


def test_evidence_that_nobody_read_is_not_confirmed(library_folder: Path) -> None:
    (fault,) = changed(
        library_folder,
        lambda text: re.sub(r"evidence: \[", "evidence: [quinine-smpc, ", text).replace("quinine-smpc", "mhra-2010"),
    )
    assert "grade is confirmed, found that the primary source mhra-2010 was not read at the source" in fault


def test_a_statement_that_awaits_its_reviewer_keeps_a_card_from_being_active(library_folder: Path) -> None:
    faults = changed(library_folder, activated)
    assert [
        re.sub(r".*: an active card needs a confirmed (\w+), found to_confirm at .*", r"\1", one) for one in faults
    ] == [
        "funding",
        "owner",
        "basis_of_windows",
    ]
    assert all("shared/source-attributes.yaml:" in fault for fault in faults)


def test_what_contradicts_the_facts_is_a_fault(library_folder: Path) -> None:
    (fault,) = changed(
        library_folder, lambda text: text.replace("attributes:\n", "attributes:\n  uses: {race: true}\n")
    )
    assert "attributes.uses says race: true, found: no criterion, text or gate that reads it; allowed: false" in fault


def test_a_summary_of_another_region_is_measured_too(library_folder: Path) -> None:
    regional = f'\nregions:\n  uk: {{summary: "{"very " * 30}"}}\n'
    assert any(
        "a summary may reach 150" in fault and fault.endswith("(in uk)")
        for fault in changed(library_folder, lambda text: text + regional)
    )


def test_the_author_cannot_review(library_folder: Path) -> None:
    faults = changed(library_folder, lambda text: text.replace('author: "", reviewer: ""', "author: A, reviewer: A"))
    assert any("another person must review" in fault for fault in faults)


def test_an_overdue_review_is_a_warning_and_a_fault_when_strict(library_folder: Path) -> None:
    path = library_folder / CARD / "card.yaml"
    path.write_text(path.read_text().replace('next_review: ""', "next_review: 2020-01-01"))
    assert [str(w) for w in check(library_folder, TODAY).warnings] == [
        f"{CARD}/card.yaml: the review was due on 2020-01-01"
    ]
    assert check(library_folder, TODAY, strict=True).faults


def test_a_criterion_that_nothing_proves_is_named(library_folder: Path) -> None:
    faults = changed(
        library_folder,
        lambda text: text.replace("when:\n  all:\n", "when:\n  all:\n    - age: {at_least: 1}\n", 1),
    )
    assert any("no vignette (us) notices" in fault and "age at least 1" in fault for fault in faults)


def test_a_summary_that_may_grow_too_long_is_refused(library_folder: Path) -> None:
    faults = changed(library_folder, lambda text: text.replace('text: "', f'text: "{"very " * 30}', 1))
    assert any("a summary may reach" in fault for fault in faults)


def test_a_suggestion_that_leaves_open_which_order_it_acts_on_is_refused(library_folder: Path) -> None:
    faults = changed(library_folder, lambda text: text.replace("Remove the order for {{draft}}", "Remove this order"))
    named = 'the suggestion "Remove this order" acts on the draft: its label must name it with {{draft}}'
    assert f"{CARD}/card.yaml: {named}" in faults


def test_a_label_that_may_grow_too_long_is_refused(library_folder: Path) -> None:
    label = "Remove the order for {{draft}} " + "x" * 70
    faults = changed(library_folder, lambda text: text.replace("Remove the order for {{draft}}", label))
    assert any("the label of a suggestion may reach 104 characters, allowed are 100" in fault for fault in faults)


def test_a_summary_speaks_only_for_cards_that_can_be_its_sections(library_folder: Path) -> None:
    worded = "summary:\n  - speaks_for: [quinine-cramps]\n    when:"
    faults = changed(library_folder, lambda text: text.replace("summary:\n  - when:", worded))
    assert any("summary: the section it speaks for" in fault and "quinine-cramps" in fault for fault in faults)


def test_a_vignette_that_expects_something_else_is_named(library_folder: Path) -> None:
    faults = changed(
        library_folder, lambda text: text.replace("finding: warning", "finding: info", 1), "vignettes.yaml"
    )
    assert any("the finding is warning, expected info" in fault for fault in faults)


def test_a_card_without_silent_vignettes_is_refused(library_folder: Path) -> None:
    path = library_folder / CARD / "vignettes.yaml"
    first = path.read_text().split("\n- ")
    path.write_text("\n- ".join(first[:2]) + "\n")
    assert any("stays silent" in str(fault) for fault in check(library_folder, TODAY).faults)
