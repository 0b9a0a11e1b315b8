"""Terminology: which medicine, test or condition a code or a word means, and in which unit a number counts.

The code tables and the readable lists are passed in; this room holds no drug name, no clinical code and no limit.
"""

from cds_service.terminology.derivations import Adjusted, Derivation, Estimated
from cds_service.terminology.derived import adjusted_total, filtration_rate
from cds_service.terminology.tables import Tables, read_tables
from cds_service.terminology.terms import Terms, build_terms
from cds_service.terminology.values import (
    Coding,
    ConceptMatch,
    DrugMatch,
    LabMatch,
    ObservedMatch,
    SubstanceMatch,
    Test,
    Unusable,
    clean,
    clean_coding,
)

__all__ = [
    "Adjusted",
    "Coding",
    "ConceptMatch",
    "Derivation",
    "DrugMatch",
    "Estimated",
    "LabMatch",
    "ObservedMatch",
    "SubstanceMatch",
    "Tables",
    "Terms",
    "Test",
    "Unusable",
    "adjusted_total",
    "build_terms",
    "clean",
    "clean_coding",
    "filtration_rate",
    "read_tables",
]
