"""Suggestions: what a clinician could do with one press, held back where a gate or the order itself forbids it."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from cds_service import hooks
from cds_service.decide.decision import Finding
from cds_service.decide.orders import edited
from cds_service.knowledge.card import Offer
from cds_service.knowledge.daily_dose import in_force
from cds_service.knowledge.gating import proposed_classes
from cds_service.knowledge.placeholders import Moment, draft_of, partners
from cds_service.knowledge.references import References
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


def suggest(finding: Finding, references: References, decision_id: UUID) -> list[Made | Held]:
    """The suggestions of one finding, in the order of the card; each one judged for each of its medicines."""
    moment = finding.moment
    parts = [(part, moment._replace(case=part.case, trace=part.trace)) for part in finding.each]
    found = (
        _offer(offer, part, told, references, decision_id) for offer in finding.card.offers for part, told in parts
    )
    return [made for made in found if made is not None]


def _offer(
    offer: Offer, finding: Finding, moment: Moment, references: References, decision_id: UUID
) -> Made | Held | None:
    if offer.judge is not None and not offer.judge(finding.case, []):
        return None
    label = fitted(offer.label, moment, LONGEST_LABEL)
    action = _action(offer, label, finding, moment, references)
    if not isinstance(action, hooks.Action):
        return Held(f"{finding.card.id}: {offer.key}: {action}") if action else None
    target = action.resource_id or _target(action)
    uuid = uuid5(decision_id, f"suggestion|{finding.card.id}|{finding.medicine}|{offer.key}")
    suggestion = hooks.Suggestion(label=label, uuid=str(uuid), is_recommended=offer.recommended, actions=(action,))
    return Made(suggestion, (offer.key, target), finding.card.select == "at-most-one")


def _target(action: hooks.Action) -> str:
    resource = action.resource
    return str(resource.get("id", "")) if isinstance(resource, dict) else ""


def _action(offer: Offer, label: str, finding: Finding, moment: Moment, references: References) -> hooks.Action | str:
    if offer.kind == "create":
        return _creation(offer, label, finding, moment, references)
    draft = draft_of(finding.case, finding.trace)
    if draft is None:
        # Where nothing is being ordered there is nothing to say: on patient-view no order is ever changed.
        goes_on = any(order.judged for order in partners(finding.trace))
        return "the order is not known to start its medicine: it is not removed or changed here" if goes_on else ""
    if not _DELETABLE.match(draft.reference):
        return "the draft has no id that a client could find it by"
    if finding.case.course and len(finding.case.course.drafts) > 1:
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


def _creation(offer: Offer, label: str, finding: Finding, moment: Moment, references: References) -> hooks.Action | str:
    resource = offer.fill(moment) if offer.fill else {}
    for gate in references.gates_for(proposed_classes(resource, references)):
        if gate.judge(finding.case, []) is not True:
            return gate.why
    return hooks.Action(type="create", description=label, resource=resource)


def chosen(made: Sequence[Made]) -> list[Made]:
    """Each deed once, the first wording of it; at most one of them recommended."""
    kept: dict[tuple[str, str], Made] = {}
    for one in made:
        kept.setdefault(one.does, one)
    answer: list[Made] = []
    for one in kept.values():
        already = any(other.suggestion.is_recommended for other in answer)
        answer.append(_unrecommended(one) if already and one.suggestion.is_recommended else one)
    return answer


def _unrecommended(made: Made) -> Made:
    old = made.suggestion
    plain = hooks.Suggestion(label=old.label, uuid=old.uuid, actions=old.actions)
    return made._replace(suggestion=plain)
