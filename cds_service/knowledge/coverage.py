"""How many codes state each condition: what is bundled, and what a site has added."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import read_yaml
from cds_service.terminology import ConditionCode, Expansion, expanded, read_tables


class Coverage(NamedTuple):
    """The codes of one condition.

    SNOMED codes that state it: `roots`, whose descendants may be added, `listed` beside them, and `expanded` ones that
    the site has added. `icd` counts ICD codes and ranges, each with all that begins with it, and `hints` the codes that
    only leave it unclear.
    """

    concept: str
    roots: int
    listed: int
    expanded: int
    icd: int
    hints: int


def coverage(cards: Path, expansion: Expansion | None) -> tuple[Coverage, ...]:
    """The coverage of every condition of `conditions.yaml`, in the order of their names."""
    bundled = read_tables(cards / "shared").conditions
    added = expanded(bundled, expansion)[len(bundled) :] if expansion else ()
    concepts = whole(read_yaml(cards / "shared/conditions.yaml", "shared/conditions.yaml")).mapping()["concepts"]
    taken = {
        name: {part.text() for part in spot.mapping()["from"].items()} for name, spot in concepts.mapping().items()
    }
    return tuple(_covered(name, taken[name], bundled, added) for name in sorted(taken))


def _covered(
    name: str, sources: Collection[str], bundled: Sequence[ConditionCode], added: Sequence[ConditionCode]
) -> Coverage:
    own = [row for row in bundled if row.concept in sources]
    stating = [row for row in own if row.use == "match"]
    snomed = [row for row in stating if row.system == "snomed"]
    roots, codes = {row.code for row in snomed if row.root}, {row.code for row in snomed}
    more = {row.code for row in added if row.concept in sources} - codes
    hints = {(row.system, row.code) for row in own if row.use == "supporting"}
    hints -= {(row.system, row.code) for row in stating}
    return Coverage(name, len(roots), len(codes - roots), len(more), len(stating) - len(snomed), len(hints))
