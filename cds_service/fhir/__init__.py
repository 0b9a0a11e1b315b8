"""FHIR R4 in: decode what a client sent or its server answers, read the chart from it."""

from cds_service.fhir.drafts import Draft
from cds_service.fhir.fetch import fhir_source, may_ask
from cds_service.fhir.gather import Gathered, gather
from cds_service.fhir.read_chart import read_chart

__all__ = ["Draft", "Gathered", "fhir_source", "gather", "may_ask", "read_chart"]
