"""FHIR R4 in: decode what a client sent, read the chart from it; nothing FHIR leaves this room but orders as sent."""

from cds_service.fhir.drafts import Draft
from cds_service.fhir.gather import Gathered, gather
from cds_service.fhir.read_chart import read_chart

__all__ = ["Draft", "Gathered", "gather", "read_chart"]
