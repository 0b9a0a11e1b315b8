"""The ATC tree: rules of exact codes and prefixes, where an exclusion wins inside its class."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cds_service.terminology.tables import AtcRule


@dataclass(frozen=True, slots=True)
class AtcTree:
    """The rules by their code."""

    rules: Mapping[str, tuple[AtcRule, ...]]

    def find(self, code: str) -> tuple[tuple[str, ...], frozenset[str]]:
        """The ingredients and classes an ATC code stands for; both empty when no rule speaks of it."""
        rules = [rule for end in range(1, len(code) + 1) for rule in self.rules.get(code[:end], ())]
        rules = [rule for rule in rules if rule.match == "prefix" or rule.code == code]
        excluded = {rule.drug_class for rule in rules if rule.action == "exclude"}
        kept = [rule for rule in rules if rule.drug_class not in excluded]
        ingredients = {name for rule in kept if rule.ingredients for name in rule.ingredients.split(";")}
        return tuple(sorted(ingredients)), frozenset(rule.drug_class for rule in kept)


def build_atc(rules: Iterable[AtcRule]) -> AtcTree:
    """The tree of these rules."""
    by_code: dict[str, list[AtcRule]] = {}
    for rule in rules:
        by_code.setdefault(rule.code, []).append(rule)
    return AtcTree({code: tuple(found) for code, found in by_code.items()})
