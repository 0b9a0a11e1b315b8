"""What was not read matters only where knowing it could make a criterion true."""

import pytest

from cds_service.chart import Chart
from cds_service.knowledge.case import Case
from cds_service.knowledge.criteria import Trace, compile_criterion, could_hold
from cds_service.knowledge.library import Library
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml
from tests.knowledge.charts import chart, result

LOW = "lab: {test: potassium, below: low, within: 90 days}"
CRAMP = "has_condition: muscle-cramp"
NO_CRAMP = "none: [{has_condition: muscle-cramp, if_unknown: stay-unknown}]"
UNREAD = {"conditions": "unread"}


def holds(criterion: str, found: Chart, library: Library) -> bool:
    read = read_criterion(whole(parse_yaml(criterion, "test")), library.references)
    trace: Trace = []
    assert compile_criterion(read)(Case(found, "patient-view", None), trace) is None
    return could_hold(read, trace)


@pytest.mark.parametrize("other", [CRAMP, NO_CRAMP])
def test_a_low_value_beside_unread_problems_could_matter(other: str, library: Library) -> None:
    found = chart(labs=[result("potassium", 3.0)], sections=UNREAD)
    assert holds(f"all: [{{{LOW}}}, {{{other}}}]", found, library)


@pytest.mark.parametrize("other", [CRAMP, NO_CRAMP])
def test_without_any_value_the_problems_could_change_nothing(other: str, library: Library) -> None:
    assert not holds(f"all: [{{{LOW}}}, {{{other}}}]", chart(sections=UNREAD), library)


def test_either_of_two_is_enough(library: Library) -> None:
    assert holds(f"any: [{{{LOW}}}, {{{CRAMP}}}]", chart(sections=UNREAD), library)


def test_absence_alone_cannot_be_read_away(library: Library) -> None:
    assert not holds(LOW, chart(), library)
