"""Three-valued logic, whole truth tables (Kleene)."""

import pytest

from cds_service.knowledge.logic import Truth, every, negate, some

T, F, U = True, False, None
AND = [(T, T, T), (T, F, F), (T, U, U), (F, T, F), (F, F, F), (F, U, F), (U, T, U), (U, F, F), (U, U, U)]
OR = [(T, T, T), (T, F, T), (T, U, T), (F, T, T), (F, F, F), (F, U, U), (U, T, T), (U, F, U), (U, U, U)]


@pytest.mark.parametrize(("one", "two", "both"), AND)
def test_every(one: Truth, two: Truth, both: Truth) -> None:
    assert every((one, two)) is both


@pytest.mark.parametrize(("one", "two", "either"), OR)
def test_some(one: Truth, two: Truth, either: Truth) -> None:
    assert some((one, two)) is either


@pytest.mark.parametrize(("one", "turned"), [(T, F), (F, T), (U, U)])
def test_negate(one: Truth, turned: Truth) -> None:
    assert negate(one) is turned


def test_nothing_to_judge() -> None:
    assert every(()) is True
    assert some(()) is False
