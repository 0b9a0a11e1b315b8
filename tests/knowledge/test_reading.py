"""What the reader of criteria refuses, and the sentence it says."""

import pytest

from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.library import Library
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("lab: {test: potasium, below: low, within: 9 days}", 'the lab test "potasium" is not one of'),
        ("lab: {test: potassium, below: lowish, within: 9 days}", 'the limit of potassium "lowish" is not one of'),
        ("lab: {test: potassium, below: 3.5, within: 9 days}", "must be a text"),
        ("lab: {test: potassium, below: 3.5 mmol/l3, within: 9 days}", "is not a quantity of potassium"),
        ("lab: {test: potassium, below: low}", 'lacks the key "within"'),
        ("lab: {test: potassium, within: 9 days}", "exactly one comparison"),
        ("lab: {test: potassium, below: low, above: high, within: 9 days}", "exactly one comparison"),
        ("lab: {test: potassium, at_most: low, within: 9 days}", 'the limit "low" is written at_least or below'),
        ("lab: {test: potassium, below: low, within: 9 dayz}", 'the span of time "dayz" is not one of'),
        ("lab: {test: potassium, below: low, within: 9.5 days}", "whole number of days"),
        ("lab: {test: calcium, above: 2.6 mmol/L, within: 9 days}", 'the limit of calcium "2.6 mmol/L" is not one of'),
        ("has_condition: cirhosis", 'the condition "cirhosis" is not one of'),
        ("also: opiod", 'the drug class "opiod" is not one of'),
        ("also: {pairs: nowhere}", 'the table of pairs "nowhere" is not one of'),
        ("daily_dose: {above: 10 ml}", 'the unit of a dose "ml" is not one of g, mg'),
        ("hase_condition: cirrhosis", 'the fact "hase_condition" is not one of'),
        ("none: [{has_condition: cirrhosis}]", "may be unknown: say if_unknown"),
        ("{has_condition: cirrhosis, if_unknown: assume}", 'if_unknown "assume" is not one of'),
        ("{has_condition: cirrhosis, sex: male}", "exactly one fact"),
        ("{all: [{sex: male}], if_unknown: assume-absent}", "if_unknown belongs to a fact"),
        ("all: []", "all is empty"),
        ("all: [{any: [{all: [{any: [{sex: male}]}]}]}]", "nest at most 3 deep"),
        ("use: nothing", 'the named criterion "nothing" is not one of'),
        ("new_start: false", "written with true only"),
        ("sex: other", 'the sex "other" is not one of'),
        ("[]", "must be a mapping"),
    ],
)
def test_a_wrong_criterion_is_refused(written: str, said: str, library: Library) -> None:
    with pytest.raises(LibraryError) as refused:
        read_criterion(whole(parse_yaml(written, "card.yaml")), library.references)
    assert said in str(refused.value)
    assert str(refused.value).startswith("card.yaml:1: ")
