"""What discovery says, and how the prefetch templates follow from what the cards need."""

import json
import re
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from cds_service.chart import SECTIONS, Needs
from cds_service.hooks import SERVICES, describe_service, discovery, operation_outcome, prefetch_templates

SCHEMA = Draft202012Validator(
    json.loads(files("cds_service.hooks").joinpath("schemas/discovery.schema.json").read_text())
)
EVERYTHING = Needs(frozenset(SECTIONS), frozenset({"x"}))
CODES = ["http://lab.example.org|1-1", "http://lab.example.org|2-2"]


def test_discovery_is_valid_and_names_the_three_services() -> None:
    templates = prefetch_templates(EVERYTHING, CODES)
    body = json.loads(discovery([describe_service(service, templates) for service in SERVICES]))
    SCHEMA.validate(body)
    assert {service["id"]: service["hook"] for service in body["services"]} == dict(SERVICES)
    assert {service["version"] for service in body["services"]} == {"2.0.1"}
    assert all(service["usageRequirements"] and service["title"] for service in body["services"])


def test_templates_are_portable() -> None:
    templates = prefetch_templates(EVERYTHING, CODES)
    assert tuple(templates) == SECTIONS
    for template in templates.values():
        names = re.findall(r"[?&]([^=]+)=", template)
        assert len(names) == len(set(names))
        assert set(re.findall(r"{{(.*?)}}", template)) == {"context.patientId"}
        assert "_include" not in template
        assert "status" not in template
    assert templates["observations"] == (
        "Observation?patient={{context.patientId}}"
        "&code=http://lab.example.org|1-1,http://lab.example.org|2-2&_sort=-date&_count=200"
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_only_what_is_needed_is_asked_for(section: str) -> None:
    needs = Needs(frozenset({section}), frozenset())
    assert set(prefetch_templates(needs, ["s|1-1"])) == {section}


def test_results_without_codes_are_not_asked_for() -> None:
    assert prefetch_templates(Needs(frozenset({"observations"}), frozenset()), []) == {}


def test_a_service_that_needs_nothing_has_no_prefetch_member() -> None:
    service = json.loads(discovery([describe_service("cramp-order-sign", {})]))["services"][0]
    assert "prefetch" not in service


@pytest.mark.parametrize("status", [400, 404, 405, 412, 413, 415, 429, 500, 503, 418])
def test_outcomes_are_fhir(status: int) -> None:
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    body = operation_outcome(status, "Something is wrong.", "/context/patientId", "r-1")
    outcome = OperationOutcome.model_validate_json(body)
    assert outcome.issue[0].diagnostics == "Something is wrong. At /context/patientId. Request r-1."
