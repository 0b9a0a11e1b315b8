"""Which conditions, allergies and observations a code or a text states."""

import pytest

from cds_service.terminology import Coding, ObservedMatch

SNOMED = "http://snomed.info/sct"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
WHO = "http://hl7.org/fhir/sid/icd-10"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (SNOMED, "55300003", "muscle-cramp"),
        (SNOMED, "449918009", "muscle-cramp"),
        (SNOMED, "102549009", "muscle-cramp"),
        (CM, "G47.62", "muscle-cramp"),
        (CM, "R25.2", "muscle-cramp"),
        (CM, "r252", "muscle-cramp"),
        (CM, "M62.831", "muscle-cramp"),
        (SNOMED, "19943007", "cirrhosis"),
        (SNOMED, "1010616001", "cirrhosis"),
        ("urn:oid:2.16.840.1.113883.6.96", "19943007", "cirrhosis"),
        ("http://www.snomed.org/", "19943007", "cirrhosis"),
        (GM, "K74.6", "cirrhosis"),
        ("urn:oid:2.16.840.1.113883.6.3", "K7460", "cirrhosis"),
        ("urn:oid:2.16.840.1.113883.6.90", "K74.60", "cirrhosis"),
        (SNOMED, "91637004", "myasthenia-gravis"),
        (CM, "D75.A", "g6pd-deficiency"),
        (CM, "D75A", "g6pd-deficiency"),
        (CM, "I47.21", "torsades-de-pointes"),
        (CM, "O80", "pregnancy"),
        (CM, "I63.9", "stroke"),
        (WHO, "B50.9", "malaria"),
        (CM, "N18.32", "ckd-3b-to-5"),
        (CM, "N18.32", "ckd"),
        (SNOMED, "10091002", "heart-failure"),
        (SNOMED, "38341003", "hypertension"),
        (CM, "K76.82", "hepatic-encephalopathy"),
    ],
)
def test_codes(terms, system, code, concept):
    assert concept in terms.concepts([Coding(system, code, "")], "").concepts


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (WHO, "E83.4", "hypomagnesaemia"),
        (WHO, "E83.5", "hypercalcaemia"),
        (CM, "N18.31", "ckd-3b-to-5"),
        (CM, "M62.830", "muscle-cramp"),
        (SNOMED, "37340000", "amyotrophic-lateral-sclerosis"),
        (CM, "R94.31", "long-qt"),
    ],
)
def test_codes_that_do_not_state_it(terms, system, code, concept):
    assert concept not in terms.concepts([Coding(system, code, "")], "").concepts


def test_weaker_codes_leave_it_unclear(terms):
    assert "long-qt" in terms.concepts([Coding(CM, "R94.31", "")], "").unclear
    assert "ckd-3b-to-5" in terms.concepts([Coding(CM, "N18.30", "")], "").unclear
    assert terms.concepts([Coding(WHO, "E83.4", "")], "").unclear == frozenset()


@pytest.mark.parametrize(
    ("text", "unclear"),
    [
        ("Nocturnal leg cramps", {"muscle-cramp"}),
        ("Wadenkrämpfe", {"muscle-cramp"}),
        ("menstrual cramps", set()),
        ("Writer's cramp", set()),
        ("abdominal cramp", set()),
        ("Screening for malaria", set()),
        ("Family history of long QT", set()),
        ("History of seizure", set()),
        ("Cirrhosis of liver", {"cirrhosis"}),
        ("Pulmonary hypertension", set()),
        ("Pregnancy test", set()),
        ("sprained ankle", set()),
    ],
)
def test_words_only_hint(terms, text, unclear):
    match = terms.concepts([], text)
    assert match.concepts == frozenset()
    assert match.unclear == unclear


def test_a_code_that_says_it_is_not_unclear(terms):
    match = terms.concepts([Coding(SNOMED, "19943007", "Cirrhosis of liver")], "cirrhosis")
    assert "cirrhosis" not in match.unclear


def test_history_of_dialysis_is_another_concept(terms):
    match = terms.concepts([Coding(SNOMED, "161693006", "History of renal dialysis")], "")
    assert "dialysis" not in match.concepts


def test_allergies(terms):
    assert {"quinine"} <= terms.substance([Coding(RXNORM, "9071", "")], "").substances
    assert {"quinidine"} <= terms.substance([Coding(RXNORM, "9068", "")], "").substances
    assert {"quinine"} <= terms.substance([Coding(SNOMED, "10135005", "")], "").substances
    assert {"quinine"} <= terms.substance([], "Quinine - low platelets").substances
    assert {"losartan", "arb"} <= terms.substance([Coding(RXNORM, "52175", "")], "").substances


def test_unclear_allergies(terms):
    assert terms.substance([], "not allergic to quinine").substances == frozenset()
    assert {"quinine"} <= terms.substance([Coding(CM, "Z88.3", "")], "").unclear
    assert {"quinine", "mefloquine"} <= terms.substance([], "quinoline antimalarials").unclear
    assert terms.substance([], "Peanut") == (frozenset(), frozenset())


def test_observations_that_state_a_condition(terms):
    loinc = "http://loinc.org"
    assert terms.observed([Coding(loinc, "82810-3", "")]) == ObservedMatch("pregnancy", "status", 300)
    assert terms.observed([Coding(loinc, "11778-8", "")]) == ObservedMatch("pregnancy", "due-date", 300)
    assert terms.observed([Coding(loinc, "2823-3", "")]) is None
    asked_for = [f"{loinc}|{code}" for code in ("11778-8", "11779-6", "11780-4", "82810-3")]
    assert terms.observation_tokens([]) == tuple(asked_for)
    assert terms.observation_tokens(["potassium"]) == (
        *(f"{loinc}|{c}" for c in terms.lab_codes(["potassium"])),
        *asked_for,
    )
    assert terms.affirms([Coding(SNOMED, "77386006", "")]) is True
    assert terms.affirms([Coding(loinc, "LA26683-5", "")]) is False
    assert terms.affirms([Coding(SNOMED, "102874004", "Possible pregnancy")]) is None
    assert terms.affirms([Coding(SNOMED, "77386006", ""), Coding(SNOMED, "60001007", "")]) is None


def test_codes_to_write_with(terms, listed):
    without = {"blackwater-fever", "exercise-cramp"}  # known by words only
    for concept in set(listed["conditions"]["concepts"]) - without:
        assert concept in terms.concepts([terms.concept_coding(concept)], "").concepts, concept
    for concept in without:
        with pytest.raises(KeyError):
            terms.concept_coding(concept)
