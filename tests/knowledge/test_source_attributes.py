"""Source attributes: every card says all thirteen, and what it says of a person follows from what it asks."""

import ast
import csv
import dataclasses
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml

from cds_service.chart import Chart
from cds_service.fhir.elements import Resource
from cds_service.fhir.people import Person
from cds_service.knowledge.attribute_listing import USES, listing
from cds_service.knowledge.attribute_rows import further_rows, logic_text, required_rows
from cds_service.knowledge.card import Card, Level, StatedUse, Summary
from cds_service.knowledge.criteria import Criterion, leaves
from cds_service.knowledge.facts import FACTS
from cds_service.knowledge.facts.conditions import CONCEPT_TRAITS
from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.inputs import input_text, inputs
from cds_service.knowledge.library import Library, load_library
from cds_service.knowledge.placeholders import PLACEHOLDER_TRAITS, placeholder_names
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.source_attributes import ON_THE_CARD, WINDOW, attribute_faults, source_attributes
from cds_service.knowledge.spot import whole
from cds_service.knowledge.statements import STATEMENTS, Statement
from cds_service.knowledge.strict_yaml import parse_yaml
from cds_service.knowledge.templates import read_template
from cds_service.knowledge.traits import TRAIT_TITLES, TRAITS, Trait
from cds_service.knowledge.uses import _FORMULAS, uses
from cds_service.terminology import Derivation
from tests.conftest import CARDS, ROOT, shipped

REGIONS = ("us", "uk", "de")
# 45 CFR 170.315(b)(11)(iv)(A)(1) to (13), in its order.
THIRTEEN = ("citations", "developer", "funding", "dates", "race", "ethnicity", "language", "sexual-orientation",
            "gender-identity", "sex", "date-of-birth", "social-determinants-of-health",
            "health-status-assessments")  # fmt: skip
CARD_IDS = [card.id for card in shipped().cards]
KNOWLEDGE = ROOT / "cds_service" / "knowledge"


def named(name: str, region: str = "us") -> Card:
    return next(card for card in shipped().regions[region] if card.id == name)


def criterion(text: str) -> Criterion:
    return read_criterion(whole(parse_yaml(text, "test.yaml")), shipped().references)


BARE = replace(
    named("diuretic-low-potassium"), when=criterion("new_start: true"), levels=(Level("info", None, None),), summaries=(),
    offers=(), detail=read_template(whole(parse_yaml("Text.", "t.md")), shipped().references),
)  # fmt: skip
"""A card that asks for nothing of a person."""


def used(card: Card) -> dict[Trait, tuple[str, ...]]:
    return {trait: where for trait, where in uses(card, shipped().references).items() if where}


# --- all cards, all attributes


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", CARD_IDS)
def test_every_card_says_all_thirteen_in_every_region(name: str, region: str) -> None:
    library = shipped()
    found = source_attributes(named(name, region), library, region)
    rows = required_rows(found)
    assert tuple(row.key for row in rows) == THIRTEEN
    assert [row.key for row in (*rows, *further_rows(found, library.references)) if not all(row.lines or [""])] == []


def test_there_are_forty_cards() -> None:
    assert len(CARD_IDS) == 40


def test_the_traits_are_those_of_the_rule() -> None:
    assert TRAITS == get_args(Trait) == THIRTEEN[4:]
    assert set(TRAIT_TITLES) == set(TRAITS)
    assert tuple(USES.values()) == TRAITS


def test_a_listing_holds_every_attribute_and_no_promise_that_nobody_made() -> None:
    library = shipped()
    told = listing(source_attributes(named("baclofen-renal"), library, "us"), library.references)
    assert [told[name] for name in USES] == [False, False, False, False, False, True, True, False, False]
    assert set(told["usesWhere"]) == {"usesSex", "usesDateOfBirth"}
    assert told["bibliographicCitations"][0]["primary"]
    assert told["released"] is told["contentAuthor"] is None
    assert told["jurisdictions"] == ["United States", "United Kingdom", "Germany"]
    assert len(told["toConfirm"]) == 3


def test_dates_and_people_come_from_the_review() -> None:
    signed = {"author": "A", "reviewer": "B", "approved": "2026-01-02", "last_review": "2026-02-03", "next_review": "2027-01-02"}  # fmt: skip
    card = replace(named("baclofen-renal"), review=signed, status="active", version="1.2.0")
    rows = {row.key: " ".join(row.lines) for row in required_rows(source_attributes(card, shipped(), "us"))}
    assert all(part in rows["dates"] for part in ("1.2.0", "2026-01-02 by B", "2026-02-03", "2027-01-02"))
    assert "Author of the content: A." in rows["developer"]
    assert "Not released" in {row.key: " ".join(row.lines) for row in required_rows(source_attributes(named("baclofen-renal"), shipped(), "us"))}["dates"]  # fmt: skip


# --- what of a person is used


def test_a_card_that_asks_for_nothing_of_a_person_uses_nothing() -> None:
    assert used(BARE) == {}


@pytest.mark.parametrize(
    ("asked", "traits"),
    [
        ("age: {at_least: 65}", {"date-of-birth"}),
        ("sex: female", {"sex"}),
        ("pregnant: true", {"sex", "health-status-assessments"}),
        ("has_condition: pregnancy", {"sex", "health-status-assessments"}),
        ("reason: {is: [muscle-cramp, pregnancy], in_words: true}", {"sex", "health-status-assessments"}),
        ('lab: {test: egfr, below: "60 mL/min/1.73m2", within: 9 days}', {"sex", "date-of-birth"}),
        ("lab_missing: {any_of: [sodium, egfr], within: 9 days}", {"sex", "date-of-birth"}),
        ("lab: {test: potassium, below: low, within: 9 days}", set()),
        ("none: [{age: {below: 9}, if_unknown: assume-absent}]", {"date-of-birth"}),
    ],
)
def test_what_is_used_follows_from_the_facts(asked: str, traits: set[Trait]) -> None:
    """In the trigger, a level, a summary or a suggestion, the answer is the same."""
    held = criterion(asked)
    offer = named("diuretic-low-potassium").offers[0]._replace(criterion=held)
    summary = Summary(BARE.detail, held, None)
    for card in (
        replace(BARE, when=held),
        replace(BARE, levels=(Level("warning", held, None), *BARE.levels)),
        replace(BARE, summaries=(summary,)),
        replace(BARE, offers=(offer,)),
    ):
        assert set(used(card)) == traits


def test_it_is_said_where_a_birth_date_is_used() -> None:
    assert used(replace(BARE, when=criterion("age: {at_least: 65}"))) == {
        "date-of-birth": ('criterion "age at least 65"',)
    }


@pytest.mark.parametrize(("text", "traits"), [("{{age}}", {"date-of-birth"}), ("{{lab.egfr}}", {"sex", "date-of-birth"}), ("{{drug}} {{lab.potassium}}", set())])  # fmt: skip
def test_what_a_text_shows_is_used(text: str, traits: set[Trait]) -> None:
    detail = read_template(whole(parse_yaml(f'"{text}"', "t.md")), shipped().references)
    assert set(used(replace(BARE, detail=detail))) == traits
    assert set(used(replace(BARE, summaries=(Summary(detail, None, None),)))) == traits


def test_the_gate_before_a_suggestion_counts() -> None:
    card = named("diuretic-low-magnesium")
    (guarded,) = [offer for offer in card.offers if offer.key == "oral-magnesium"]
    free = guarded._replace(criterion=None)
    assert set(used(replace(BARE, offers=(free,)))) == {"sex", "date-of-birth"}
    assert used(replace(BARE, offers=(free._replace(kind="delete"),))) == {}


def test_a_card_about_gaps_rests_on_what_other_cards_rest_on() -> None:
    references, gaps = shipped().references, named("data-quality")
    others = {trait for card in shipped().cards if card.id != gaps.id for trait, where in uses(card, references).items() if where}  # fmt: skip
    assert {trait for trait, where in uses(gaps, references, shipped().cards).items() if where} == others
    assert used(gaps) == {}


# --- there is no other way to a person


def test_every_use_of_age_and_sex_is_declared() -> None:
    """Whoever reads `chart.age` or `chart.sex` to decide or to write is a fact or placeholder that declares it."""
    found = {}
    for path in sorted([*KNOWLEDGE.rglob("*.py"), *(KNOWLEDGE.parent / "decide").rglob("*.py")]):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            read = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("chart")}  # fmt: skip
            if read & {"age", "sex"}:
                found[f"{path.name}:{getattr(function, 'name', '')}"] = read & {"age", "sex"}
    assert found == {"people.py:age": {"age"}, "people.py:sex": {"sex"}, "findings.py:age_in_years": {"age"}}
    assert (FACTS["age"].reads, FACTS["sex"].reads) == ({"date-of-birth"}, {"sex"})
    assert dict(PLACEHOLDER_TRAITS) == {"age": {"date-of-birth"}}
    assert set(PLACEHOLDER_TRAITS) <= set(placeholder_names(shipped().references))


def test_no_fact_declares_what_the_shared_file_promises_never_to_use() -> None:
    never = set(shipped().references.attributes.never_used)
    assert never == set(TRAITS) - {"sex", "date-of-birth", "health-status-assessments"}
    assert {name: fact.reads & never for name, fact in FACTS.items() if fact.reads & never} == {}


def test_the_reader_of_a_chart_knows_nothing_else_of_a_person() -> None:
    assert Person._fields == ("age", "sex")
    told = {field.name for field in dataclasses.fields(Chart)} | set(Resource.__struct_fields__)
    kept = re.compile(
        r"race|ethnic|language|communication|orientation|identity|marital|address|education|income|^extension$"
    )
    assert [name for name in sorted(told) if kept.search(name)] == []


def test_no_condition_is_a_social_circumstance() -> None:
    """ICD-10 keeps social circumstances in Z55 to Z65."""
    with (CARDS / "shared" / "conditions.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["system"].startswith("icd-10")]
    assert rows
    social = [row["code"] for row in rows if re.match(r"Z(5[5-9]|6[0-5])", row["code"])]
    ranges = [row["code"] for row in rows if row["match"] == "range" and row["code"].startswith("Z")]
    assert (social, ranges) == ([], [])


def test_every_condition_that_an_observation_states_says_what_it_tells() -> None:
    listed = yaml.safe_load((CARDS / "shared" / "conditions.yaml").read_text(encoding="utf-8"))
    assert shipped().references.terms.stated_conditions == set(listed["observations"]) == set(CONCEPT_TRAITS)
    assert all("health-status-assessments" in traits for traits in CONCEPT_TRAITS.values())


def test_every_formula_says_what_it_takes_of_a_person() -> None:
    assert set(_FORMULAS) == set(get_args(Derivation))


# --- what is refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library of one card, to be spoilt."""
    for part in ("shared", "baclofen/baclofen-renal"):
        shutil.copytree(CARDS / part, tmp_path / part, ignore=shutil.ignore_patterns("sources"))
    return tmp_path


def spoilt(folder: Path, file: str, old: str, new: str) -> list[str]:
    """What loading and the check of attributes say after a change, which must be one."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        return [str(fault) for fault in attribute_faults(load_library(folder))]
    except LibraryError as error:
        return [str(fault) for fault in error.faults]


def line_of(folder: Path, file: str, words: str) -> int:
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


SHARED = "shared/source-attributes.yaml"
RENAL = "baclofen/baclofen-renal/card.yaml"


def test_the_library_of_one_card_is_sound(folder: Path) -> None:
    assert spoilt(folder, SHARED, "None declared.", "None declared.") == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_missing_statement_is_refused(folder: Path, name: str) -> None:
    faults = spoilt(folder, SHARED, f"  {name}:\n", f"  {name}s:\n")
    line = line_of(folder, SHARED, f"  {name}s:")
    assert len(faults) == 1
    assert faults[0].startswith(f'{SHARED}:{line}: the key "{name}s" is not one of {", ".join(sorted(STATEMENTS))}')


def test_a_statement_left_out_or_empty_is_refused(folder: Path) -> None:
    text = (folder / SHARED).read_text(encoding="utf-8")
    without = re.sub(r"  funding:\n(    .*\n)+", "", text)
    assert without != text
    (folder / SHARED).write_text(without, encoding="utf-8")
    line = line_of(folder, SHARED, "statements:")
    assert spoilt(folder, SHARED, "developer", "developer") == [f'{SHARED}:{line}: statements lacks the key "funding"']
    (folder / SHARED).write_text(text, encoding="utf-8")
    line = line_of(folder, SHARED, "None declared.")
    assert spoilt(folder, SHARED, '"None declared."', '""') == [
        f"{SHARED}:{line}: text must be a text, found an empty text"
    ]


def test_a_trait_that_nothing_is_said_of_is_refused(folder: Path) -> None:
    (fault,) = spoilt(folder, SHARED, "never_used: [race, ", "never_used: [")
    line = (folder / SHARED).read_text(encoding="utf-8").splitlines().index("used:") + 1
    assert fault == f"{SHARED}:{line}: race must stand under never_used or under used, found under neither"


def test_a_trait_in_both_lists_and_one_that_is_none_are_refused(folder: Path) -> None:
    assert spoilt(folder, SHARED, "[race, ", "[race, sex, ")[0].endswith("found under both")
    assert '"races" is not one of date-of-birth, ' in spoilt(folder, SHARED, "[race, sex, ", "[races, ")[0]


def test_a_promise_that_a_fact_breaks_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a changed declaration of a fact can make "race is not used" false, and then it is refused."""
    monkeypatch.setitem(FACTS, "age", replace(FACTS["age"], reads=frozenset({"race"})))
    line = line_of(folder, SHARED, "never_used:")
    (fault,) = spoilt(folder, SHARED, "developer", "developer")
    assert fault.startswith(f"{SHARED}:{line}: race stands under never_used, found in baclofen-renal: criterion ")
    assert fault.endswith('"age at least 65"; allowed: no card that does so')


def test_an_exception_that_contradicts_the_facts_is_refused(folder: Path) -> None:
    faults = spoilt(folder, RENAL, "attributes:\n", "attributes:\n  uses: {date-of-birth: false, race: false}\n")
    told = "attributes.uses says date-of-birth: false, found: eGFR, where the service calculates it; allowed: true"
    assert faults == [f"{RENAL}:{line_of(folder, RENAL, 'uses:')}: {told}"]


def test_a_use_that_no_fact_makes_is_refused(folder: Path) -> None:
    (fault,) = spoilt(folder, RENAL, "attributes:\n", "attributes:\n  uses: {health-status-assessments: true}\n")
    assert fault.endswith("found: no criterion, text or gate that reads it; allowed: false")


def test_an_exception_that_is_true_is_taken(folder: Path) -> None:
    assert (
        spoilt(folder, RENAL, "attributes:\n", "attributes:\n  uses: {date-of-birth: true, sex: true, race: false}\n")
        == []
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("uses: {races: false}", '"races" is not one of'),
        ("uses: {race: no}", "race must be true or false"),
        ("fundings: None.", 'the key "fundings" is not one of'),
        ('funding: ""', "funding must be a text"),
    ],
)
def test_an_exception_with_a_slip_is_refused(folder: Path, written: str, said: str) -> None:
    assert said in spoilt(folder, RENAL, "attributes:\n", f"attributes:\n  {written}\n")[0]


def test_a_contradiction_in_one_region_names_it() -> None:
    """Pregnancy counts in the card on quinine for cramps in the United Kingdom only."""
    stated = (StatedUse("health-status-assessments", False, 7),)
    regions = {name: (replace(named("quinine-cramps", name), stated_uses=stated),) for name in REGIONS}
    (fault,) = attribute_faults(Library(regions, shipped().references, "", ""))
    assert (fault.line, fault.message.endswith("allowed: true (in uk)")) == (7, True)


def test_a_card_without_evidence_is_refused(folder: Path) -> None:
    text = (folder / RENAL).read_text(encoding="utf-8")
    listed = re.search(r"^evidence: .*$", text, re.MULTILINE)
    assert listed
    (fault,) = spoilt(folder, RENAL, listed[0], "evidence: []")
    assert fault == f"{RENAL}:{line_of(folder, RENAL, 'evidence: []')}: evidence names no source: a card cites at least one, the primary one first"  # fmt: skip


def test_a_card_may_say_something_of_its_own(folder: Path) -> None:
    assert spoilt(folder, RENAL, "attributes:\n", 'attributes:\n  funding: "A grant of the hospital."\n') == []
    library = load_library(folder)
    found = source_attributes(library.cards[0], library, "us")
    assert found.statements["funding"] == Statement("A grant of the hospital.")
    assert found.statements["developer"] == library.references.attributes.statements["developer"]
    assert len(found.to_confirm) == 2


# --- what lets a professional review the basis


def test_a_figure_names_its_source_or_says_that_it_has_none() -> None:
    found = source_attributes(named("baclofen-renal"), shipped(), "us")
    basis = {one.text: one.basis for one in found.thresholds}
    assert basis["eGFR below 60 mL/min/1.73 m2 within 365 days"] == "JAMA, baclofen and encephalopathy in CKD, 2019"
    assert basis["age at least 65"] == ON_THE_CARD
    calcium = source_attributes(named("thiazide-high-calcium"), shipped(), "us").thresholds
    several = [one.basis.split("; ") for one in calcium if "by kind of test" in one.text]
    assert several
    assert all(len(set(labels)) == 2 for labels in several), "a limit with several figures names the source of each"
    missing = source_attributes(named("diuretic-cramps-no-labs"), shipped(), "us").thresholds
    assert WINDOW in {one.basis for one in missing}
    assert not [one for one in found.thresholds if "stage 3b" in one.text], "a name with a digit is no figure"


def test_every_fact_that_compares_has_a_basis() -> None:
    for card in shipped().cards:
        told = {one.text for one in source_attributes(card, shipped(), "us").thresholds}
        asked = {leaf.text for leaf in card.leaves() if leaf.fact in ("lab", "age", "daily_dose", "single_dose", "lab_missing")}  # fmt: skip
        assert asked <= told, card.id


def test_inputs_name_what_the_facts_the_gates_and_the_texts_read() -> None:
    references = shipped().references
    told = {input_text(one, references) for one in inputs(named("baclofen-renal"), references)}
    assert {"MedicationRequest: baclofen", "Observation: eGFR, up to 365 days back", "Condition: dialysis"} <= told
    assert "Observation: creatinine" in told, "the eGFR may be calculated from it"
    reasons = {input_text(one, references) for one in inputs(named("quinine-cramps"), references)}
    assert "MedicationRequest, its reason: malaria" in reasons
    gated = inputs(replace(BARE, offers=tuple(o for o in named("diuretic-low-magnesium").offers if o.key == "oral-magnesium")), references)  # fmt: skip
    assert "egfr" in {one.name for one in gated}


def test_the_logic_says_every_fact_level_and_suggestion() -> None:
    for region in REGIONS:
        for card in shipped().regions[region]:
            told = logic_text(card, shipped().references)
            summaries = {leaf.text for one in card.summaries if one.criterion for leaf in leaves(one.criterion)}
            assert [leaf.text for leaf in card.leaves() if leaf.text not in told and leaf.text not in summaries] == []
            assert told.count("\nLevel ") == len(card.levels)
            assert told.count("\nSuggestion ") == len(card.offers)
