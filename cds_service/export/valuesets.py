"""What the cards mean by a drug class, a test, a condition or an allergy, as ValueSets."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from cds_service.export.edition import Edition, Json
from cds_service.terminology import Test, system_name
from cds_service.terminology.tables import ConditionCode, LabCode

# What each terminology asks to be said where its codes stand (NOTICE has the whole of it).
COPYRIGHTS: Mapping[str, str] = {
    "icd-10": "ICD-10 is copyright of the World Health Organization; no text of it is included.",
    "icd-10-cm": "ICD-10-CM is a work of the United States government.",
    "loinc": "LOINC (http://loinc.org) is copyright Regenstrief Institute, Inc. and the Logical Observation "
    "Identifiers Names and Codes (LOINC) Committee and is available under the license at http://loinc.org/license.",
    "rxnorm": "This product uses publicly available data courtesy of the U.S. National Library of Medicine (NLM), "
    "National Institutes of Health, Department of Health and Human Services; NLM is not responsible for the product "
    "and does not endorse or recommend this or any other product.",
    "snomed": "SNOMED CT: terms shown are of the SNOMED International IPS Terminology, Creative Commons Attribution "
    "4.0 International; of other concepts only identifiers are included. Use beyond may need an affiliate licence.",
}
_INGREDIENT_TYPES = ("IN", "MIN", "PIN")
_DOT_AFTER = 3


def value_sets(edition: Edition) -> Iterator[Json]:
    """Every drug class, test (and variant), condition, allergy and observed condition of the library."""
    classes, tests = edition.references.terms.classes, edition.references.terms.tests
    yield from (_drug_class(name, edition) for name in sorted(classes))
    for name in sorted(tests):
        yield from _lab(tests[name], edition)
    for name in sorted(edition.references.concepts):
        yield from _condition(name, edition)
    yield from (_allergy(name, edition) for name in sorted(edition.references.terms.coded_allergies))
    yield from (_observed(name, edition) for name in sorted(edition.listed["conditions.yaml"]["observations"]))


def _value_set(edition: Edition, name: str, title: str, description: str, includes: list[Json]) -> Json:
    """A ValueSet; one that our tables have no code for has no `compose`, and its description says so."""
    words = {system_name(word): word for word in COPYRIGHTS}
    used = sorted({words[part["system"]] for part in includes if part["system"] in words})
    said = description if includes else f"{description} The tables of this library hold no code to list.".strip()
    return {
        **edition.heading("ValueSet", name, title),
        "description": said,
        **({"copyright": "\n".join(COPYRIGHTS[word] for word in used)} if used else {}),
        **({"compose": {"include": includes}} if includes else {}),
    }


def _concepts(system: str, codes: Iterable[tuple[str, str]]) -> list[Json]:
    """One include with the codes in order; the words of the terminology only where the tables have them."""
    shown = [{"code": code, **({"display": display} if display else {})} for code, display in sorted(set(codes))]
    return [{"system": system_name(system), "concept": shown}] if shown else []


def _drug_class(name: str, edition: Edition) -> Json:
    terms = edition.references.terms
    members = terms.classes[name]
    rows = [
        row
        for row in edition.tables.ingredients
        if row.ingredient in members and row.system == "rxnorm" and row.tty in _INGREDIENT_TYPES
    ]
    entry = edition.listed["drugs/classes.yaml"]["classes"][name]
    uncoded = sorted(members - {row.ingredient for row in rows})
    said = [str(entry.get("note", "")), *_not_meant(entry)]
    said += [f"Members whose RxNorm ingredient code the tables lack: {', '.join(uncoded)}."] if uncoded else []
    includes = _concepts("rxnorm", ((row.code, row.name) for row in rows))
    told = " ".join(filter(None, (f"Medicines that count as {terms.class_titles[name]}.", *said)))
    return _value_set(edition, f"drug-class-{name}", _sentence(terms.class_titles[name]), told, includes)


def _not_meant(entry: Mapping[str, Any]) -> Iterator[str]:
    """Which products with such an ingredient the class does not mean: FHIR has no filter for it."""
    excluded = entry.get("not_meant", {})
    if excluded.get("routes"):
        yield f"Not meant when given by these routes: {', '.join(excluded['routes'])}."
    if excluded.get("words"):
        yield f"Not meant when the product's name holds: {', '.join(excluded['words'])}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lab(test: Test, edition: Edition) -> Iterator[Json]:
    rows = [row for row in edition.tables.labs if row.test == test.name and row.use != "never"]
    yield _results(edition, f"lab-{test.name}", test.title, rows)
    for variant in test.variants:
        chosen = [row for row in rows if row.variant == variant]
        if chosen:
            yield _results(edition, f"lab-{test.name}-{variant}", test.variant_titles[variant], chosen)


def _results(edition: Edition, name: str, title: str, rows: list[LabCode]) -> Json:
    with_care = sorted(f"{row.code} ({row.reason})" for row in rows if row.use == "care")
    told = f"Results that count as {title}; a code that is not listed does not count."
    told += f" To be read with care: {', '.join(with_care)}." if with_care else ""
    return _value_set(edition, name, _sentence(title), told, _concepts("loinc", ((row.code, row.name) for row in rows)))


def _condition(name: str, edition: Edition) -> Iterator[Json]:
    title = edition.references.concepts[name]
    sources = edition.listed["conditions.yaml"]["concepts"][name]["from"]
    rows = [row for row in edition.tables.conditions if row.concept in sources]
    told = (
        f"Codes that state {title}. ICD codes count by their beginning; SNOMED CT codes as listed, without descendants."
    )
    stated = _coded_rows(row for row in rows if row.use == "match")
    yield _value_set(edition, f"condition-{name}", _sentence(title), told, stated)
    hinting = _coded_rows(row for row in rows if row.use == "supporting")
    if hinting:
        told = f"Codes that only hint at {title}: with one of them it is neither true nor false."
        yield _value_set(edition, f"condition-{name}-hint", f"{_sentence(title)}: hints", told, hinting)


def _allergy(name: str, edition: Edition) -> Json:
    sources = edition.listed["conditions.yaml"]["allergies"][name]["from"]
    rows = (row for row in edition.tables.conditions if row.concept in sources and row.use == "allergy")
    told = f"Codes that state an allergy to {name}, beside the codes of the medicine itself."
    return _value_set(edition, f"allergy-{name}", f"Allergy to {name}", told, _coded_rows(rows))


def _coded_rows(rows: Iterable[ConditionCode]) -> list[Json]:
    """One include for each terminology: the codes, or a pattern where codes count by their beginning."""
    found: list[Json] = []
    in_order = sorted(set(rows), key=lambda row: (row.system, row.code))
    for system, group in groupby(in_order, key=lambda row: row.system):
        listed = list(group)
        found += _concepts(system, ((row.code, row.display) for row in listed if row.match == "exact"))
        patterns = sorted({_pattern(row) for row in listed if row.match != "exact"})
        if patterns:
            beginning = {"property": "code", "op": "regex", "value": "|".join(patterns)}
            found.append({"system": system_name(system), "filter": [beginning]})
    return found


def _pattern(row: ConditionCode) -> str:
    """The regular expression of a beginning, or of a range of categories such as `A60-A69`; ICD codes have a dot."""
    if row.match == "range":
        first, last = row.code.split("-")
        categories = (f"{first[0]}{number:02d}" for number in range(int(first[1:]), int(last[1:]) + 1))
        return f"({'|'.join(categories)}).*"
    category, rest = row.code[:_DOT_AFTER], row.code[_DOT_AFTER:]
    return f"{category}\\.{rest}.*" if rest else f"{category}.*"


def _observed(name: str, edition: Edition) -> Json:
    entry = edition.listed["conditions.yaml"]["observations"][name]
    codes = [(str(code), "") for kind in ("status", "due_date") for code in entry.get(kind, {}).get("loinc", ())]
    title = edition.references.concepts.get(name, name)
    told = f"Observations that state {title}, or the date it is due to end."
    return _value_set(edition, f"observed-{name}", f"{_sentence(title)}: observations", told, _concepts("loinc", codes))
