"""Results that the laboratory did not report and the terminology tells us how to calculate."""

from collections.abc import Iterable, Mapping

from cds_service.chart import LabResult, Problem
from cds_service.fhir.people import Person
from cds_service.terminology import Adjusted, Estimated, Terms

Labs = Mapping[str, tuple[LabResult, ...]]


def with_calculated(
    labs: Labs, person: Person, problems: Iterable[Problem], terms: Terms, tests: frozenset[str] | None = None
) -> Labs:
    """The results with those calculated from the newest ones; a reported result of the same day is never displaced.

    Only `tests` are calculated; without it, whatever can be.
    """
    known = dict(labs)
    for rule in terms.derivations:
        if tests is not None and rule.test not in tests:
            continue
        made = (
            _estimated(rule, known, person, terms)
            if isinstance(rule, Estimated)
            else _adjusted(rule, known, problems, terms)
        )
        if made is not None:
            known[rule.test] = _placed(made, known.get(rule.test, ()))
    return known if len(known) == len(labs) else dict(sorted(known.items()))


def _estimated(rule: Estimated, labs: Labs, person: Person, terms: Terms) -> LabResult | None:
    newest = _newest(labs.get(rule.source, ()))
    if newest is None or newest.value is None or person.age is None or person.sex is None:
        return None
    reported = labs.get(rule.test, ())
    if reported and reported[0].day.last >= newest.day.first:
        return None
    # Where only the year of birth is known, the greater age gives the lower and safer estimate.
    value = rule.value(newest.value, person.age.high, person.sex) if person.age.low >= rule.from_age else None
    return _made(rule.test, "", value, (newest,), terms)


def _adjusted(rule: Adjusted, labs: Labs, problems: Iterable[Problem], terms: Terms) -> LabResult | None:
    newest = _newest([one for one in labs.get(rule.source, ()) if one.variant == rule.variant_from])
    if newest is None or newest.value is None:
        return None
    if any(rule.without & (problem.concepts | problem.unclear) for problem in problems if problem.active):
        return None
    same_day = [one for one in labs.get(rule.binder, ()) if one.day == newest.day and one.day.first == one.day.last]
    binder = _newest(same_day)
    if (
        binder is None
        or binder.value is None
        or any(_below(labs, test, limit) for test, limit in rule.at_least.items())
    ):
        return None
    return _made(rule.test, rule.variant, rule.value(newest.value, binder.value), (newest, binder), terms)


def _newest(results: Iterable[LabResult]) -> LabResult | None:
    """The newest result, where it is a plain number."""
    first = next(iter(results), None)
    return first if first is not None and first.value is not None and not first.comparator else None


def _below(labs: Labs, test: str, limit: float) -> bool:
    newest = next(iter(labs.get(test, ())), None)
    if newest is None or newest.value is None:
        return False
    return newest.value < limit or (newest.comparator.startswith("<") and newest.value <= limit)


def _made(
    test: str, variant: str, value: float | None, sources: tuple[LabResult, ...], terms: Terms
) -> LabResult | None:
    """The calculated result, dated like the first of its sources; None where it would not be plausible."""
    unit = terms.tests[test].unit
    checked = terms.quantity(test, value, unit, "", "") if value is not None else None
    if not isinstance(checked, float):
        return None
    first = sources[0]
    return LabResult(
        test=test,
        variant=variant,
        value=checked,
        day=first.day,
        when=first.when,
        reference=first.reference,
        preliminary=any(source.preliminary for source in sources),
        haemolysed=any(source.haemolysed for source in sources),
        calculated=" and ".join(terms.tests[source.test].title for source in sources),
        notes=first.notes,
        title=terms.tests[test].title,
    )


def _placed(made: LabResult, known: tuple[LabResult, ...]) -> tuple[LabResult, ...]:
    """The calculated result before those of the same time, after newer ones."""
    newer = tuple(one for one in known if one.when > made.when)
    return (*newer, made, *known[len(newer) :])
