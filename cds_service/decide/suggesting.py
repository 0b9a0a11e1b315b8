"""Suggestions: what a clinician could do with one press, held back where a gate or the order itself forbids it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cds_service import hooks
from cds_service.chart import Medication
from cds_service.decide.decision import Finding
from cds_service.decide.orders import edited
from cds_service.decide.style import Style
from cds_service.knowledge.card import Offer
from cds_service.knowledge.case import Case
from cds_service.knowledge.daily_dose import in_force
from cds_service.knowledge.placeholders import Moment, draft_of, partners
from cds_service.knowledge.templates import LONGEST_LABEL, fitted, plain_text

_DELETABLE = re.compile(r"MedicationRequest/[A-Za-z0-9_.-]+\Z")


class Made(NamedTuple):
    """A suggestion and what it does, so that two findings of one card never offer the same thing twice."""

    suggestion: hooks.Suggestion
    does: tuple[str, str]
    exclusive: bool


class Held(NamedTuple):
    """A suggestion that was not made, and why."""

    text: str


def suggest(finding: Finding, style: Style) -> list[Made | Held]:
    """The suggestions of one finding, in the order of the card; each one judged for each of its medicines."""
    moment = finding.moment
    parts = [(part, moment._replace(case=part.case, trace=part.trace)) for part in finding.parts] or [(finding, moment)]
    found = (_offer(offer, part, told, style) for offer in finding.card.offers for part, told in parts)
    return [made for made in found if made is not None]


def _offer(offer: Offer, finding: Finding, moment: Moment, style: Style) -> Made | Held | None:
    if offer.judge is not None and not offer.judge(finding.case, []):
        return None
    label = fitted(offer.label, moment, LONGEST_LABEL)
    action = _action(offer, label, finding, moment)
    if not isinstance(action, hooks.Action):
        return Held(f"{finding.card.id}: {offer.key}: {action}") if action else None
    target = action.resource_id or _target(action)
    uuid = style.uuid(f"suggestion|{finding.card.id}|{finding.medicine}|{offer.key}")
    suggestion = hooks.Suggestion(label=label, uuid=uuid, is_recommended=offer.recommended, actions=(action,))
    return Made(suggestion, (offer.key, target), finding.card.select == "at-most-one")


def _target(action: hooks.Action) -> str:
    resource = action.resource
    return str(resource.get("id", "")) if isinstance(resource, dict) else ""


def _action(offer: Offer, label: str, finding: Finding, moment: Moment) -> hooks.Action | str:
    if offer.kind == "create":
        for gate in offer.gates:
            if gate.judge(finding.case, []) is not True:
                return gate.why
        return hooks.Action(type="create", description=label, resource=offer.fill(moment) if offer.fill else {})
    draft = draft_of(finding.case, finding.trace)
    if draft is None:
        # Where nothing is being ordered there is nothing to say: on patient-view no order is ever changed.
        goes_on = any(order.judged for order in partners(finding.trace))
        return "the order is not known to start its medicine: it is not removed or changed here" if goes_on else ""
    if not _DELETABLE.match(draft.reference):
        return "the draft has no id that a client could find it by"
    if _one_of_several(draft, finding.case):
        return "several orders of this medicine are being written: which one to remove or change is not ours to choose"
    if offer.kind == "delete":
        description = f"Remove the draft order for {plain_text(draft.name)}"
        return hooks.Action(type="delete", description=description, resource_id=draft.reference)
    if finding.case.course and len(in_force(finding.case.course).orders) > 1:
        return "several orders of this medicine are in force: what one is changed to would not be the dose"
    changed = edited(draft, offer.fill(moment) if offer.fill else {})
    if isinstance(changed, str):
        return changed
    return hooks.Action(type="update", description=label, resource=changed)


def _one_of_several(draft: Medication, case: Case) -> bool:
    """Whether the medicine of the draft that would be removed or changed is being written more than once."""
    courses = (case.course,) if case.course and case.course.drafts else case.courses
    return any(len(course.drafts) > 1 and any(order is draft for order in course.drafts) for course in courses)


def chosen(made: Sequence[Made]) -> list[Made]:
    """Each deed once, the first wording of it; at most one of them recommended."""
    answer: dict[tuple[str, str], Made] = {}
    recommended = False
    for one in made:
        if one.does not in answer:
            answer[one.does] = _unrecommended(one) if recommended and one.suggestion.is_recommended else one
            recommended = recommended or one.suggestion.is_recommended
    return list(answer.values())


def _unrecommended(made: Made) -> Made:
    old = made.suggestion
    plain = hooks.Suggestion(label=old.label, uuid=old.uuid, actions=old.actions)
    return made._replace(suggestion=plain)
