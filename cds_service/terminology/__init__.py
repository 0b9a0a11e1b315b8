"""Terminology: which medicine, test or condition a code or a word means, and in which unit a number counts.

The code tables and the readable lists are passed in; this room holds no drug name, no clinical code and no limit.
"""

from cds_service.terminology.derivations import Adjusted, Derivation, Estimated
from cds_service.terminology.derived import adjusted_total, filtration_rate
from cds_service.terminology.expansions import (
    EXPANSIONS,
    Expansion,
    expanded,
    expansion_roots,
    expansion_text,
    read_expansion,
)
from cds_service.terminology.systems import system_name
from cds_service.terminology.tables import ConditionCode, Tables, read_tables
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
    "EXPANSIONS",
    "Adjusted",
    "Coding",
    "ConceptMatch",
    "ConditionCode",
    "Derivation",
    "DrugMatch",
    "Estimated",
    "Expansion",
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
    "expanded",
    "expansion_roots",
    "expansion_text",
    "filtration_rate",
    "read_expansion",
    "read_tables",
    "system_name",
]
