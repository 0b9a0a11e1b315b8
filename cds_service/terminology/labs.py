"""Which test a result belongs to, and its number in the unit of that test.

The code chooses the test, the unit decides the number; nothing matches by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any

from cds_service.terminology.memory import Key, remember
from cds_service.terminology.names import holds_any, words
from cds_service.terminology.systems import system_name, system_word
from cds_service.terminology.tables import LabCode, Tables
from cds_service.terminology.values import Coding, LabMatch, Test, Unusable, clean

_PLACES = 9

Rule = tuple[str, Decimal]  # how a number becomes the unit of its test: the operation and its operand


@dataclass(frozen=True, slots=True)
class Labs:
    """All look-ups for results.

    `codes` holds the allow-list and the codes that must never count. `spellings` maps (test, spelling) to how a number
    becomes the unit of the test. `said` are the words by which a display names a test (and variant), `other` those of
    anything else.
    """

    tests: Mapping[str, Test]
    rows: Mapping[str, LabCode]
    spellings: Mapping[tuple[str, str], Rule]
    units: frozenset[str]
    said: Mapping[tuple[str, str], Sequence[tuple[str, ...]]]
    other: Sequence[tuple[str, ...]]
    preferred: Mapping[tuple[str, str], str]
    _rules: dict[Key, Rule | Unusable] = field(default_factory=dict)

    def match(self, codings: Sequence[Coding]) -> LabMatch | None:
        """The test all known codings agree on; None when no coding is on the allow-list."""
        known = [
            (coding, self.rows[coding.code])
            for coding in codings
            if coding.code in self.rows and system_word(coding.system) == "loinc"
        ]
        counted = [row for _, row in known if row.use != "never"]
        if not counted:
            return None
        first = counted[0]
        care = next((row.reason for row in counted if row.use == "care"), "")
        return LabMatch(first.test, first.variant, care, self._conflict(known, counted))

    def quantity(self, test: str, value: float, unit: str, code: str, system: str) -> float | Unusable:
        """The number in the unit of the test; the UCUM code counts first, then the text of the unit."""
        if not isfinite(value):
            return Unusable("not-a-number", "the value is not a number")
        key = test, unit, code, system
        rule = self._rules.get(key)
        if rule is None:
            rule = remember(self._rules, key, self._rule(test, unit, code, system))
        if isinstance(rule, Unusable):
            return rule
        number, known = _converted(value, *rule), self.tests[test]
        if known.low <= number <= known.high:
            return number
        limits = f"{known.low:g} to {known.high:g} {known.unit}"
        return Unusable("implausible", f"{number:g} {known.unit} is outside {limits}")

    def _rule(self, test: str, unit: str, code: str, system: str) -> Rule | Unusable:
        """How a number in this unit becomes one in the unit of the test, or why it cannot."""
        coded = code if code and (not system or system_word(system) == "ucum") else ""
        written = [spelling(told) for told in (coded, unit) if spelling(told)]
        if not written:
            return Unusable("no-unit", "the result has no unit that can be read")
        rules = [self.spellings[test, told] for told in written if (test, told) in self.spellings]
        if len(set(rules)) > 1:
            return Unusable("unit-conflict", "the code and the text of its unit differ")
        if not rules or (coded and (test, written[0]) not in self.spellings and written[0] in self.units):
            return Unusable("unknown-unit", f'the unit "{(coded or unit)[:40]}" is not one that is read for this test')
        return rules[0]

    def codes(self, tests: Iterable[str]) -> tuple[str, ...]:
        """The codes on the allow-list of these tests, sorted."""
        wanted = frozenset(tests)
        return tuple(sorted(code for code, row in self.rows.items() if row.use != "never" and row.test in wanted))

    def coding(self, test: str, variant: str) -> Coding:
        """The code to write a result of this test with; without a variant, the test's first code."""
        code = self.preferred[test, variant]
        return Coding(system_name("loinc"), code, self.rows[code].name)

    def _conflict(self, known: Sequence[tuple[Coding, LabCode]], counted: Sequence[LabCode]) -> str:
        meanings = {(row.test, row.variant) for row in counted}
        if len(meanings) > 1:
            told = sorted(" ".join(filter(None, (variant, test))) for test, variant in meanings)
            return f"its codes name different tests: {' and '.join(told)}"
        if len(known) > len(counted):
            return "one of its codes is not a blood level of this test"
        if any(self._says_other(words(coding.display), row) for coding, row in known):
            return f"its code means {self.tests[counted[0].test].title}, its words say something else"
        return ""

    def _says_other(self, display: Sequence[str], row: LabCode) -> bool:
        """True when the display names another test, or another variant of this one, and not this."""
        if not holds_any(display, self.said[row.test, ""]):
            others = (phrases for (test, variant), phrases in self.said.items() if test != row.test and not variant)
            return holds_any(display, self.other) or any(holds_any(display, phrases) for phrases in others)
        own = self.said.get((row.test, row.variant), ()) if row.variant else ()
        rivals = (phrases for (test, variant), phrases in self.said.items() if test == row.test and variant)
        return not holds_any(display, own) and any(holds_any(display, phrases) for phrases in rivals)


def spelling(unit: str) -> str:
    """A unit as it is looked up: without blanks, in lower case, one sign for micro."""
    return "".join(clean(unit).split()).casefold().replace("\u00b5", "u").replace("\u03bc", "u")


def _converted(value: float, operation: str, operand: Decimal) -> float:
    if operand == 1:
        return round(value, _PLACES)
    number = Decimal(repr(value))
    return round(float(number / operand if operation == "divide" else number * operand), _PLACES)


def build_labs(tables: Tables, listed: Mapping[str, Any]) -> Labs:
    """The look-ups from `labs.csv`, `units.csv` and `labs.yaml`; raises ValueError where they disagree."""
    entries: Mapping[str, Mapping[str, Any]] = listed["tests"]
    tests = {name: _test(name, entry) for name, entry in entries.items()}
    _check(tables, tests)
    return Labs(
        tests,
        {row.code: row for row in tables.labs},
        {(row.test, row.spelling): (row.operation, Decimal(row.operand)) for row in tables.units},
        frozenset(row.spelling for row in tables.units),
        _said(entries),
        tuple(words(phrase) for phrase in listed["other_words"]),
        {
            (name, variant): code
            for name, entry in entries.items()
            for variant, code in _preferred(entry["write_as"], entries[name].get("variants", ()))
        },
    )


def _said(entries: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], tuple[tuple[str, ...], ...]]:
    """(test, variant) -> the words by which a display names it; the variant is "" for the test as a whole."""
    found = {(name, ""): tuple(map(words, entry["words"])) for name, entry in entries.items()}
    for name, entry in entries.items():
        for variant in entry.get("variants", ()):
            found[name, variant["name"]] = tuple(map(words, variant["words"]))
    return found


def _preferred(write_as: str | Mapping[str, str], variants: Iterable[Any]) -> list[tuple[str, str]]:
    if isinstance(write_as, str):
        return [("", write_as)]
    pairs = [(variant["name"], write_as[variant["name"]]) for variant in variants if variant["name"] in write_as]
    return [("", write_as["default"]), *pairs]


def _test(name: str, entry: Mapping[str, Any]) -> Test:
    variants = entry.get("variants", ())
    return Test(
        name,
        entry["title"],
        entry["symbol"],
        entry["unit"],
        float(entry["plausible"]["low"]),
        float(entry["plausible"]["high"]),
        int(entry["decimals"]),
        tuple(variant["name"] for variant in variants),
        {variant["name"]: variant["title"] for variant in variants},
    )


def _check(tables: Tables, tests: Mapping[str, Test]) -> None:
    for row in tables.labs:
        if row.test not in tests:
            raise ValueError(f'labs.csv: code {row.code} belongs to "{row.test}", which labs.yaml does not list.')
        if row.variant and row.variant not in tests[row.test].variants:
            raise ValueError(f'labs.csv: code {row.code} has the variant "{row.variant}", not one of labs.yaml.')
    for unit in tables.units:
        if unit.test not in tests or unit.unit != tests[unit.test].unit:
            raise ValueError(f'units.csv: "{unit.spelling}" of {unit.test} becomes {unit.unit}; labs.yaml differs.')
