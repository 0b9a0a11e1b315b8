"""Values of the chart that are worked out only when somebody asks."""

from datetime import date

from cds_service.chart import Day, Dose, Later, Medication, Therapy


def order(therapy: Later[Therapy]) -> Medication:
    return Medication("MedicationRequest/1", "a", ("a",), frozenset(), "code", "taken", therapy=therapy)


def test_a_later_value_is_worked_out_once_and_only_when_asked() -> None:
    asked: list[int] = []

    def work() -> Therapy:
        asked.append(1)
        return Therapy(started=Day(date(2026, 1, 1), date(2026, 1, 1)))

    found = order(Later(work))
    assert {found} == {found}
    assert not asked
    assert found.started == Day(date(2026, 1, 1), date(2026, 1, 1))
    assert found.dose == Dose()
    assert len(asked) == 1


def test_orders_that_differ_only_in_what_is_read_later_are_two() -> None:
    one, same, other = (order(Later(lambda text=text: Therapy(dose=Dose(text=text)))) for text in ("a", "a", "b"))
    assert len({one, same, other}) == 2
    assert one == same != other
    assert repr(one) == repr(same) != repr(other)
