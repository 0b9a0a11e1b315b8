"""The CDS Hooks wire: requests in, cards out, discovery, feedback; no FHIR is read here."""

from cds_service.hooks.discovery import (
    HOOKS,
    SERVICES,
    Hook,
    ServiceDescription,
    describe_service,
    discovery,
    prefetch_templates,
)
from cds_service.hooks.feedback import FeedbackEntry, OverrideReason, read_feedback
from cds_service.hooks.outcome import operation_outcome
from cds_service.hooks.prune import prune
from cds_service.hooks.refused import Refused
from cds_service.hooks.request import HookRequest, entries_in, read_request
from cds_service.hooks.response import (
    FINDINGS_EXTENSION,
    LONGEST_SUMMARY,
    Action,
    Card,
    Coding,
    Link,
    ResponseDefect,
    Source,
    Suggestion,
    encode_cards,
    topic_code,
)
from cds_service.hooks.strict_json import tame_numbers

__all__ = [
    "FINDINGS_EXTENSION",
    "HOOKS",
    "LONGEST_SUMMARY",
    "SERVICES",
    "Action",
    "Card",
    "Coding",
    "FeedbackEntry",
    "Hook",
    "HookRequest",
    "Link",
    "OverrideReason",
    "Refused",
    "ResponseDefect",
    "ServiceDescription",
    "Source",
    "Suggestion",
    "describe_service",
    "discovery",
    "encode_cards",
    "entries_in",
    "operation_outcome",
    "prefetch_templates",
    "prune",
    "read_feedback",
    "read_request",
    "tame_numbers",
    "topic_code",
]
