"""From a chart and a library to a decision. Pure: the same arguments give the same bytes."""

from cds_service.decide.decision import Decision, Finding, Outcome, Shown
from cds_service.decide.story import decide

__all__ = ["Decision", "Finding", "Outcome", "Shown", "decide"]
