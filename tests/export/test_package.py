"""The package is legal FHIR R4, whole, closed in itself, and says what the library says."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.export import AddressError, Edition, ResourceError, package, read_edition
from cds_service.export.edition import DEFAULT_BASE, Json
from cds_service.export.extension import CARRIED
from cds_service.export.manifest import attributes_by_card
from cds_service.export.plans import plan
from cds_service.export.wording import CRITERION, TEMPLATE
from cds_service.knowledge.attribute_listing import USES
from cds_service.knowledge.card import Card
from cds_service.knowledge.library import Library
from cds_service.knowledge.references import OrderTemplate
from cds_service.terminology import Coding, system_name
from tests.conftest import CARDS
from tests.export.conftest import edition_of, package_of

# Required bindings of R4 that the models do not check.
BINDINGS = {
    "PlanDefinition.status": {"draft", "active", "retired"},
    "trigger.type": {"named-event"},
    "trigger.name": {"patient-view", "order-select", "order-sign"},
    "condition.kind": {"applicability"},
    "selectionBehavior": {"any", "all", "exactly-one", "at-most-one"},
    "groupingBehavior": {"logical-group"},
    "priority": {"routine", "urgent", "asap", "stat"},
    "intent": {"proposal"},
    "StructureDefinition.kind": {"complex-type"},
    "StructureDefinition.derivation": {"constraint"},
    "context.type": {"element"},
    "kind": {"ServiceRequest", "MedicationRequest", "Task", "applicability"},
    "relatedArtifact.type": {"citation", "documentation", "composed-of"},
    "documentation.type": {"documentation"},
    "filter.op": {"regex"},
    "language": {CRITERION, TEMPLATE},
}


def members(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every member with the name of what holds it."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield path, name, part
            yield from members(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from members(part, path)


def of_kind(resources: tuple[Json, ...], kind: str) -> dict[str, Json]:
    return {one["id"]: one for one in resources if one["resourceType"] == kind}


def test_every_resource_is_legal_and_nothing_of_it_is_lost(resources: tuple[Json, ...]) -> None:
    for one in resources:
        model = get_fhir_model_class(one["resourceType"]).model_validate(one)
        assert json.loads(model.model_dump_json()) == one


def test_bindings_that_the_models_do_not_check(resources: tuple[Json, ...]) -> None:
    for one in resources:
        for held_by, name, value in members(one, one["resourceType"]):
            allowed = BINDINGS.get(f"{held_by}.{name}") or BINDINGS.get(name)
            assert allowed is None or value in allowed, (one["id"], held_by, name, value)


def test_nothing_is_empty_and_the_one_extension_is_defined(edition: Edition, resources: tuple[Json, ...]) -> None:
    (defined,) = of_kind(resources, "StructureDefinition").values()
    parts = {one["sliceName"] for one in defined["differential"]["element"] if "sliceName" in one}
    for one in resources:
        for held_by, name, value in members(one):
            empty = value in (None, "", [], {}) and value is not False and value != 0
            assert not empty, (one["id"], held_by, name)
            assert "modifierExtension" not in name
            if name == "extension" and held_by == "":
                assert {part["url"] for part in value} == {defined["url"]}
                assert {inner["url"] for part in value for inner in part["extension"]} == parts


def test_constraints_of_expressions_triggers_and_value_sets(resources: tuple[Json, ...]) -> None:
    for one in resources:
        for _, name, value in members(one):
            if name == "expression" and isinstance(value, dict):
                assert set(value) >= {"language", "expression"}  # exp-1
            if name == "trigger":
                assert all(set(part) == {"type", "name"} for part in value)  # trd-1, trd-3
            if name == "include":
                for part in value:
                    assert "system" in part  # vsd-1
                    assert ("concept" in part) != ("filter" in part)  # vsd-3


def test_ids_names_and_addresses(edition: Edition, resources: tuple[Json, ...]) -> None:
    assert max(Counter((one["resourceType"], one["id"]) for one in resources).values()) == 1
    assert max(Counter(one["url"] for one in resources).values()) == 1
    for one in resources:
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", one["id"])
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", one["name"])
        assert one["url"].endswith(f"/{one['resourceType']}/{one['id']}")
        assert one["url"].startswith(edition.base)


def test_every_card_order_and_edit_is_there(edition: Edition, resources: tuple[Json, ...]) -> None:
    references = edition.references
    assert set(of_kind(resources, "PlanDefinition")) == {card.id for card in edition.cards}
    assert set(of_kind(resources, "ActivityDefinition")) == {*references.orders, *references.edits}
    sets = set(of_kind(resources, "ValueSet"))
    assert {f"drug-class-{name}" for name in references.terms.classes} <= sets
    assert {f"lab-{name}" for name in references.terms.tests} <= sets
    assert {f"condition-{name}" for name in references.concepts} <= sets


def test_every_canonical_used_exists(edition: Edition, resources: tuple[Json, ...]) -> None:
    known = {one["url"]: one["version"] for one in resources}
    used = [
        value
        for one in resources
        for _, name, value in members(one)
        if name in ("definitionCanonical", "valueSet", "resource")
    ]
    assert used
    for canonical in used:
        url, _, version = canonical.partition("|")
        assert url in known, canonical
        assert version in ("", known[url])
    own = {part["system"] for one in resources for part in one.get("compose", {}).get("include", ())}
    assert {system for system in own if system.startswith(edition.base)} <= set(known)


def test_the_library_names_every_resource_and_the_revision(edition: Edition, resources: tuple[Json, ...]) -> None:
    (library,) = of_kind(resources, "Library").values()
    named = {part["resource"] for part in library["relatedArtifact"]}
    assert named == {f"{one['url']}|{one['version']}" for one in resources if one is not library}
    assert library["identifier"][0]["value"] == edition.library.revision
    attached = [base64.b64decode(part["data"]) for part in library["content"]]
    assert [len(part) for part in attached] == [part["size"] for part in library["content"]]
    assert json.loads(attached[0]) == attributes_by_card(edition)


# --- cards


def test_a_plan_says_every_fact_of_its_card(edition: Edition, resources: tuple[Json, ...]) -> None:
    plans = of_kind(resources, "PlanDefinition")
    for card in edition.cards:
        told = "\n".join(
            value for _, name, value in members(plans[card.id]) if name == "expression" and isinstance(value, str)
        )
        assert [leaf.text for leaf in card.leaves() if leaf.text not in told] == []


def test_a_plan_cites_every_source_offers_every_order_and_answers_every_hook(
    edition: Edition, resources: tuple[Json, ...]
) -> None:
    plans = of_kind(resources, "PlanDefinition")
    for card in edition.cards:
        found = plans[card.id]
        (rule,) = found["action"]
        assert [part["citation"] for part in found["relatedArtifact"]] == [one.citation for one in card.evidence]
        assert [part.get("url", "") for part in found["relatedArtifact"]] == [one.url for one in card.evidence]
        assert [part["name"] for part in rule["trigger"]] == list(card.hooks)
        parts = {part["title"]: part for part in rule["action"]}
        offered = parts["Suggestions"]["action"] if card.offers else []
        named = [part.get("definitionCanonical", "").rpartition("/")[2] for part in offered]
        assert named == [offer.order.name if offer.order else "" for offer in card.offers]
        assert [part["title"] for part in parts["Indicator"]["action"]] == [level.indicator for level in card.levels]
        assert parts["Indicator"]["description"].endswith(card.attributes["indicator_reason"])
        assert found["version"] == card.version
        assert found["status"] == card.status


def test_override_reasons_stand_behind_the_action(edition: Edition, resources: tuple[Json, ...]) -> None:
    sets, plans = of_kind(resources, "ValueSet"), of_kind(resources, "PlanDefinition")
    for card in edition.cards:
        documented = plans[card.id]["action"][0].get("documentation", [])
        assert len(documented) == bool(card.override_reasons)
        for artifact in documented:
            chosen = sets[artifact["resource"].rpartition("/")[2]]
            codes = {part["code"] for one in chosen["compose"]["include"] for part in one["concept"]}
            assert codes == {reason.code for reason in card.override_reasons}


def test_a_guarded_proposal_carries_its_gate(edition: Edition, resources: tuple[Json, ...]) -> None:
    whys = {gate.why for gate in edition.references.gates}
    plans = of_kind(resources, "PlanDefinition")
    guarded = 0
    for card in edition.cards:
        parts = plans[card.id]["action"][0]["action"][2:]
        for offer, shown in zip(card.offers, parts[0]["action"] if parts else (), strict=True):
            told = {part["expression"].get("description") for part in shown.get("condition", ())}
            medicine = (
                offer.order.resource.get("medicationCodeableConcept")
                if offer.kind == "create" and offer.order
                else None
            )
            proposed = (
                edition.references.terms.drug([], str(medicine["text"])).classes
                if isinstance(medicine, dict)
                else frozenset()
            )
            expected = {gate.why for gate in edition.references.gates if gate.proposes & proposed}
            guarded += bool(expected)
            assert told & whys == expected, (card.id, offer.key)
    assert guarded


def test_regions_differ_where_their_cards_do() -> None:
    levels = {}
    for region in ("us", "uk"):
        (rule,) = of_kind(package_of(region), "PlanDefinition")["quinine-cramps"]["action"]
        levels[region] = [part["priority"] for part in rule["action"][0]["action"]]
    assert levels == {"us": ["urgent", "stat"], "uk": ["urgent"]}
    countries = [package_of(region)[0]["jurisdiction"][0]["coding"][0]["code"] for region in ("us", "uk", "de")]
    assert countries == ["US", "GB", "DE"]


def signed(edition: Edition) -> Edition:
    review = {"author": "A", "reviewer": "B", "approved": "2026-01-02", "last_review": "2026-01-03", "next_review": ""}
    cards = tuple(replace(card, status="active", review=review) for card in edition.cards)
    return replace(edition, library=replace(edition.library, regions={edition.region: cards}))


def test_a_signed_card_names_its_people_and_dates() -> None:
    edition = signed(edition_of("us"))
    found = plan(edition.cards[0], edition)
    assert (found["author"], found["reviewer"]) == ([{"name": "A"}], [{"name": "B"}])
    assert (found["approvalDate"], found["lastReviewDate"]) == ("2026-01-02", "2026-01-03")
    assert (found["status"], found["experimental"], edition.status) == ("active", False, "active")
    assert found["effectivePeriod"] == {"start": "2026-01-02"}
    assert "effectivePeriod" not in of_kind(package_of("us"), "PlanDefinition")[edition.cards[0].id]


def test_a_plan_says_who_made_it_for_whom_and_where(edition: Edition, resources: tuple[Json, ...]) -> None:
    said = edition.references.attributes.statements
    plans = of_kind(resources, "PlanDefinition")
    for card in edition.cards:
        found = plans[card.id]
        assert found["publisher"] == said["developer"].text
        assert found["useContext"][0]["valueCodeableConcept"]["text"] == said["intended_users"].text
        assert said["out_of_scope"].text in found["usage"]
        assert found["copyright"]
        assert len(found["jurisdiction"]) == 1


def test_a_plan_carries_every_attribute_that_has_no_element(edition: Edition, resources: tuple[Json, ...]) -> None:
    plans, told = of_kind(resources, "PlanDefinition"), attributes_by_card(edition)["cards"]
    for card in edition.cards:
        carried = {}
        for one in plans[card.id]["extension"]:
            parts = {part["url"]: part for part in one["extension"]}
            carried[parts["name"]["valueCode"]] = (parts.get("used", {}).get("valueBoolean"), parts["statement"])
        assert tuple(carried) == CARRIED
        assert carried["funding"][1]["valueString"].startswith(told[card.id]["funding"])
        assert {name: carried[trait][0] for name, trait in USES.items()} == {name: told[card.id][name] for name in USES}


def test_source_attributes_of_every_card_are_in_the_library(edition: Edition) -> None:
    told = attributes_by_card(edition)["cards"]
    for card in edition.cards:
        one = told[card.id]
        facts = {leaf.fact for leaf in card.leaves()}
        assert one["usesRace"] is one["usesSocialDeterminantsOfHealth"] is False
        assert one["usesHealthStatusAssessment"] >= ("pregnant" in facts)
        assert one["usesDateOfBirth"] >= ("age" in facts)
        assert one["bibliographicCitations"][0]["primary"]
        assert one["region"] == edition.region


def test_the_data_a_card_needs_are_its_input() -> None:
    def needed(name: str) -> set[tuple[str, str]]:
        (rule,) = of_kind(package_of("us"), "PlanDefinition")[name]["action"]
        return {
            (one["type"], one["codeFilter"][0]["valueSet"].rpartition("/")[2])
            for one in rule["input"]
            if "codeFilter" in one
        }

    low = needed("diuretic-low-potassium")
    assert {("MedicationRequest", "drug-class-digoxin"), ("Condition", "condition-muscle-cramp")} <= low
    assert {("MedicationRequest", "drug-class-loop-diuretic"), ("Observation", "lab-potassium")} <= low
    assert ("MedicationRequest", "drug-class-potassium") not in low
    assert not {("MedicationRequest", f"drug-class-{name}") for name in ("potassium", "magnesium")} & needed(
        "diuretic-cramps-no-labs"
    ), "a test is no class of medicines, although both may have the same name"
    avoid = needed("quinine-contraindicated")
    assert {("AllergyIntolerance", "drug-class-quinine"), ("AllergyIntolerance", "allergy-mefloquine")} & avoid
    assert ("Observation", "lab-creatinine") in needed("baclofen-renal"), "an eGFR may be calculated from it"
    cramps = needed("quinine-cramps")
    assert ("MedicationRequest", "condition-malaria") in cramps, "the reason of the order"
    assert ("Condition", "condition-malaria") in cramps, "a named criterion counts too"


# --- value sets mean what the engine means


def concepts(one: Json) -> Iterator[tuple[str, str, str]]:
    for part in one.get("compose", {}).get("include", ()):
        for code in part.get("concept", ()):
            yield part["system"], code["code"], code.get("display", "")


def test_every_code_of_a_drug_class_is_read_as_that_class() -> None:
    terms = edition_of("us").references.terms
    sets = of_kind(package_of("us"), "ValueSet")
    for name, members_of in terms.classes.items():
        found: set[str] = set()
        for system, code, _ in concepts(sets[f"drug-class-{name}"]):
            match = terms.drug([Coding(system, code, "")], "")
            found |= set(match.ingredients)
            assert set(match.ingredients) & members_of, (name, code)
        lacking = sets[f"drug-class-{name}"]["description"]
        assert [one for one in sorted(members_of - found) if one not in lacking] == []


def test_the_codes_of_a_test_are_its_allow_list() -> None:
    terms = edition_of("us").references.terms
    sets = of_kind(package_of("us"), "ValueSet")
    for name, test in terms.tests.items():
        codes = tuple(code for _, code, _ in concepts(sets[f"lab-{name}"]))
        assert codes == terms.lab_codes([name])
        for variant in test.variants:
            for system, code, _ in concepts(sets.get(f"lab-{name}-{variant}", {})):
                match = terms.lab([Coding(system, code, "")])
                assert match is not None
                assert (match.test, match.variant) == (name, variant)


def test_codes_and_patterns_of_a_condition_are_read_as_that_condition() -> None:
    terms = edition_of("us").references.terms
    sets = of_kind(package_of("us"), "ValueSet")
    for name in edition_of("us").references.concepts:
        for suffix in ("", "-hint"):
            one = sets.get(f"condition-{name}{suffix}", {})
            codings = [Coding(system, code, "") for system, code, _ in concepts(one)]
            for part in one.get("compose", {}).get("include", ()):
                for chosen in part.get("filter", ()):
                    beginnings = re.findall(r"[A-Z][A-Z0-9.\\]*", chosen["value"])
                    codings += [Coding(part["system"], text.replace("\\", "").rstrip("."), "") for text in beginnings]
            for coding in codings:
                match = terms.concepts([coding], "")
                assert name in (match.concepts | match.unclear if suffix else match.concepts), (name, coding)


@pytest.mark.parametrize(
    ("code", "counts"),
    [("I63.9", True), ("I60", True), ("I69", True), ("I6", False), ("I70.0", False), ("AI63", False)],
)
def test_a_pattern_takes_whole_categories(code: str, counts: bool) -> None:
    stroke = of_kind(package_of("us"), "ValueSet")["condition-stroke"]
    patterns = [part["filter"][0]["value"] for part in stroke["compose"]["include"] if "filter" in part]
    assert len(patterns) == 2
    assert [re.fullmatch(pattern, code) is not None for pattern in patterns] == [counts, counts]


def test_no_display_that_the_tables_lack(resources: tuple[Json, ...]) -> None:
    edition = edition_of("us")
    rows = edition.tables.conditions
    held = {(system_name(row.system), row.code, row.display) for row in rows}
    held |= {(system_name(row.system), row.code, row.name) for row in edition.tables.ingredients if row.system}
    held |= {(system_name("loinc"), row.code, row.name) for row in edition.tables.labs}
    known = {system_name(word) for word in ("icd-10", "icd-10-cm", "snomed", "rxnorm", "loinc")}
    for one in of_kind(resources, "ValueSet").values():
        for system, code, display in concepts(one):
            assert system != system_name("icd-10") or not display
            assert not display or system not in known or (system, code, display) in held
        used = {part["system"] for part in one.get("compose", {}).get("include", ())} & known
        assert bool(used) == ("copyright" in one)


# --- orders


def test_an_activity_keeps_the_whole_template_and_names_what_is_filled(edition: Edition) -> None:
    found = of_kind(package_of(edition.region), "ActivityDefinition")
    references = edition.references
    for order in (*references.orders.values(), *references.edits.values()):
        one = found[order.name]
        (artifact,) = one["relatedArtifact"]
        assert json.loads(base64.b64decode(artifact["document"]["data"])) == order.resource
        dynamic = {part["path"]: part["expression"]["expression"] for part in one.get("dynamicValue", ())}
        text = json.dumps(order.resource)
        assert set(re.findall(r"{{.*?}}", text)) - {"{{patient}}"} <= set(
            re.findall(r"{{.*?}}", " ".join(dynamic.values()))
        )
        assert ("code" in order.resource) == ("code" in one)
        assert ("dosageInstruction" in order.resource) == ("dosage" in one)


# --- what is refused


@pytest.mark.parametrize(
    "base", ["", "ftp://x.org", "x.org", "https://a@x.org", "https://x.org/?a", "https://x.org/|1"]
)
def test_an_address_that_cannot_begin_a_canonical_is_refused(library: Library, base: str) -> None:
    with pytest.raises(AddressError, match="is not an absolute http or https address"):
        read_edition(library, CARDS, "us", base)


def test_a_slash_too_many_is_forgiven(library: Library) -> None:
    assert read_edition(library, CARDS, "us", "https://x.org/fhir/").base == "https://x.org/fhir"
    assert read_edition(library, CARDS, "us").base == DEFAULT_BASE


def test_an_order_that_is_no_fhir_is_refused_by_name(library: Library) -> None:
    broken = OrderTemplate("broken", {"resourceType": "Task", "intent": "proposal", "code": "no concept"})
    references = replace(library.references, orders={"broken": broken})
    edition = replace(edition_of("us"), library=replace(library, references=references))
    with pytest.raises(ResourceError, match="ActivityDefinition/broken is not legal FHIR R4: code"):
        package(edition)


def test_the_anchor_of_every_kind_of_card(edition: Edition) -> None:
    def anchor(card: Card, **about: object) -> str:
        changed = replace(card, about=card.about._replace(**about))
        return str(
            plan(changed, edition)["action"][0].get("condition", [{}])[0].get("expression", {}).get("expression")
        )

    card = next(card for card in edition.cards if card.id == "baclofen-renal")
    assert anchor(card) == "baclofen is ordered or taken"
    assert anchor(card, subject="stopped") == "baclofen was stopped"
    assert anchor(card, subject="patient", classes=frozenset()).startswith("all of:")
    assert anchor(card, subject="gaps", classes=frozenset()) == "data that a check needs could not be read"
