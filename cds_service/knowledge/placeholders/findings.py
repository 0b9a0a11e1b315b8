"""Words for what was found of the patient: problems, allergies, age, and tests without a result."""

from cds_service.chart import Allergy, Problem
from cds_service.knowledge.case import Absent
from cds_service.knowledge.placeholders.moment import Moment, evidence
from cds_service.knowledge.placeholders.words import shown_day
from cds_service.knowledge.quantities import plain


def condition(moment: Moment) -> str:
    """The problem or allergy that was found."""
    for item in evidence(moment, (Problem, Allergy)):
        if isinstance(item, Allergy):
            return f"allergy to {item.name}"
        if isinstance(item, Problem):
            return item.name
    return "a recorded condition"


def condition_date(moment: Moment) -> str:
    """When it was recorded."""
    for item in evidence(moment, (Problem, Allergy)):
        if isinstance(item, Problem | Allergy):
            return shown_day(item.recorded)
    return "an unknown date"


def missing(moment: Moment) -> str:
    """The tests without a usable result."""
    absent = [
        item.what.removeprefix("a result of ") for item in evidence(moment, (Absent,)) if isinstance(item, Absent)
    ]
    return " and ".join(dict.fromkeys(absent)) or "the result"


def age_in_years(moment: Moment) -> str:
    """The age; a range where the birth date is coarse."""
    age = moment.case.chart.age
    if age is None:
        return "unknown"
    return plain(age.low) if age.low == age.high else f"{plain(age.low)}-{plain(age.high)}"


def gaps(moment: Moment) -> str:
    """What could not be read."""
    return ", ".join(moment.names)
