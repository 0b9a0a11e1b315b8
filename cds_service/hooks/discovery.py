"""What we offer and what we would like to be sent along: the discovery answer and its prefetch templates."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from cds_service.chart import Needs, Section

SPECIFICATION = "2.0.1"
Hook = Literal["patient-view", "order-select", "order-sign"]
HOOKS: tuple[Hook, ...] = ("patient-view", "order-select", "order-sign")
SERVICES: Mapping[str, Hook] = MappingProxyType(
    {
        "cramp-patient-view": "patient-view",
        "cramp-order-select": "order-select",
        "cramp-order-sign": "order-sign",
    }
)
"""Service id to hook: one id per hook, because some clients keep one entry per address."""

_SEARCHES: Mapping[Section, str] = {
    "medications": "MedicationRequest?patient={{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
}
_TITLES = {
    "patient-view": "Muscle cramps: review of medicines when a chart opens",
    "order-select": "Muscle cramps: medicine safety while an order is chosen",
    "order-sign": "Muscle cramps: medicine safety before orders are signed",
}
_DESCRIPTIONS = {
    "patient-view": "Looks at medicines being taken, results, problems and allergies, and says what needs review.",
    "order-select": "Checks the selected draft orders against the chart and says what speaks against them.",
    "order-sign": "Checks every draft order against the chart and says what speaks against it before it is signed.",
}
_USAGE = (
    "FHIR R4. Send the prefetch keys: what is not delivered is not judged, and a card says so. "
    "Prefetched MedicationRequests should include stopped ones; Observations should come newest first. "
    "An Observation counts only with one of the codes in the template. {hook_words}"
    "Answers are advice for a professional, who decides."
)
_HOOK_WORDS = {
    "patient-view": "",
    "order-select": "draftOrders is required; without selections every draft order is judged. ",
    "order-sign": "draftOrders is required; every draft order in it is judged. ",
}


class ServiceDescription(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename="camel"):
    """One entry of the discovery answer."""

    hook: str
    id: str
    title: str
    description: str
    usage_requirements: str
    version: str = msgspec.field(default_factory=lambda: SPECIFICATION)
    prefetch: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode


def describe_service(service_id: str, prefetch: Mapping[str, str]) -> ServiceDescription:
    """The description of one of `SERVICES` with its prefetch templates."""
    hook = SERVICES[service_id]
    return ServiceDescription(
        hook=hook,
        id=service_id,
        title=_TITLES[hook],
        description=_DESCRIPTIONS[hook],
        usage_requirements=_USAGE.format(hook_words=_HOOK_WORDS[hook]),
        prefetch=dict(prefetch),
    )


def discovery(services: Sequence[ServiceDescription]) -> bytes:
    """The body of `GET {base}/cds-services`."""
    return _encode({"services": services})


def prefetch_templates(needs: Needs, observations: Sequence[str]) -> dict[str, str]:
    """A template for each section that is needed; simple and portable, no parameter twice.

    Some clients fold a repeated parameter into one list, some ignore includes, and relative dates need a newer token:
    so none of these. Observations are asked for by code (`observations`, each as `system|code`), never all of them.
    """
    templates: dict[str, str] = {}
    if "patient" in needs.sections:
        templates["patient"] = "Patient/{{context.patientId}}"
    if "medications" in needs.sections:
        templates["medications"] = _SEARCHES["medications"]
    if "observations" in needs.sections and observations:
        codes = ",".join(observations)
        templates["observations"] = f"Observation?patient={{{{context.patientId}}}}&code={codes}&_sort=-date&_count=200"
    for section in ("conditions", "allergies"):
        if section in needs.sections:
            templates[section] = _SEARCHES[section]
    return templates
