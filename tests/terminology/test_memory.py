"""What is remembered of codes and words: found again without work, and never more than a bounded amount."""

from cds_service.fhir.elements import CodeableConcept, Coding
from cds_service.terminology.memory import LONGEST, MOST, remembered


def test_what_was_found_is_found_again_without_work() -> None:
    asked: list[str | None] = []

    @remembered
    def found(text: str | None) -> str | None:
        asked.append(text)
        return text

    assert [found("a"), found(None), found("a"), found(None)] == ["a", None, "a", None]
    assert asked == ["a", None]


def test_long_keys_are_not_kept_and_a_full_memory_starts_anew() -> None:
    asked: list[str] = []

    @remembered
    def found(text: str) -> int:
        asked.append(text)
        return len(text)

    longest, longer = "x" * LONGEST, "x" * (LONGEST + 1)
    assert [found(text) for text in (longest, longest, longer, longer)] == [LONGEST, LONGEST, LONGEST + 1, LONGEST + 1]
    assert asked == [longest, longer, longer]
    for number in range(MOST):
        found(str(number))
    found(longest)
    assert asked[-1] == longest


def test_a_long_row_of_nothing_is_not_kept() -> None:
    asked: list[int] = []

    @remembered
    def found(concept: CodeableConcept) -> int:
        asked.append(len(concept.coding or ()))
        return asked[-1]

    usual = CodeableConcept(coding=(Coding("http://loinc.org", "2823-3", "Potassium"),) * 5, text="Potassium")
    for concept in (usual, usual, CodeableConcept(coding=(None,) * 1000), CodeableConcept(coding=(Coding(),) * 1000)):
        assert found(concept) == found(concept)
    assert asked == [5, 1000, 1000, 1000, 1000]
