"""What concepts mean is kept by terminology: one never answers with what another one found."""

from cds_service.fhir.concepts import concepts_of
from cds_service.fhir.elements import CodeableConcept, Coding
from tests.fhir.fhir_samples import LOINC, RXNORM, terms

QUININE = CodeableConcept((Coding(RXNORM, "9071", "quinine"),))


def test_a_concept_sent_again_is_found_and_not_looked_up_again() -> None:
    found = concepts_of(terms())
    again = CodeableConcept((Coding(RXNORM, "9071", "quinine"),))
    assert again is not QUININE
    assert found.drug(again) is found.drug(QUININE)
    assert found.drug(QUININE).match.ingredients == ("quinine",)


def test_other_terms_find_for_themselves() -> None:
    ours, others = terms(), terms.__wrapped__()
    assert concepts_of(ours) is concepts_of(ours)
    assert concepts_of(ours) is not concepts_of(others)
    assert concepts_of(others).drug(QUININE) is not concepts_of(ours).drug(QUININE)


def test_no_concept_means_nothing() -> None:
    found = concepts_of(terms())
    assert (found.drug(None).name, found.drug(None).legible, found.drug(None).match.confidence) == ("", False, "none")
    assert found.route(None) == ""
    assert (found.observation(None).lab, found.observation(None).states) == (None, None)
    assert found.condition(None).match.concepts == found.allergen(None).match.substances == frozenset()


def test_words_of_another_specimen_or_endless_ones_are_not_of_blood() -> None:
    potassium = Coding(LOINC, "2823-3", "Potassium")
    found = concepts_of(terms()).observation
    said = [
        found(CodeableConcept((potassium,), text)).of_blood for text in ("Potassium", "Urine potassium", "K " * 200)
    ]
    assert said == [True, False, False]
