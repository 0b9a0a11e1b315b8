"""What of a person decision support may rest on, beside medicines, results and problems.

The nine in the order of 45 CFR 170.315(b)(11)(iv)(A)(5) to (13). Each fact of the vocabulary declares which it reads.
"""

from collections.abc import Mapping
from typing import Literal

Trait = Literal[
    "race",
    "ethnicity",
    "language",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "date-of-birth",
    "social-determinants-of-health",
    "health-status-assessments",
]
TRAITS: tuple[Trait, ...] = (
    "race",
    "ethnicity",
    "language",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "date-of-birth",
    "social-determinants-of-health",
    "health-status-assessments",
)
NO_TRAIT: frozenset[Trait] = frozenset()
TRAIT_TITLES: Mapping[Trait, str] = {
    "race": "race",
    "ethnicity": "ethnicity",
    "language": "language",
    "sexual-orientation": "sexual orientation",
    "gender-identity": "gender identity",
    "sex": "sex",
    "date-of-birth": "date of birth",
    "social-determinants-of-health": "social determinants of health",
    "health-status-assessments": "health status assessments",
}
