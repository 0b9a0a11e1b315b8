"""Reading criteria: from the author's words to the tree of `criteria`."""

from collections.abc import Iterable

from cds_service.knowledge.criteria import ASSUMPTIONS, DEEPEST, OPERATORS, Criterion, Group, Leaf, Operator
from cds_service.knowledge.facts import FACTS
from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot, walk

_MEANINGS: dict[str, Truth] = {"assume-absent": False, "assume-present": True, "stay-unknown": None}


def read_criterion(spot: Spot, references: References, excludes: bool = False, depth: int = 0) -> Criterion:
    """Read one criterion; faults name the file, the line, what was found and what is allowed."""
    if depth > DEEPEST:
        spot.fault(f"criteria nest at most {DEEPEST} deep: give the inner part a name in shared/criteria.yaml")
    members = spot.mapping()
    words = [word for word in members if word != "if_unknown"]
    if len(words) != 1:
        spot.fault(f"a criterion is exactly one fact or one of all, any, none; found {', '.join(words) or 'nothing'}")
    word = words[0]
    inner = members[word]
    if word == "use":
        return _use(inner, references, excludes)
    if word in OPERATORS:
        if "if_unknown" in members:
            members["if_unknown"].fault("if_unknown belongs to a fact, not to all, any or none")
        operator: Operator = next(name for name in OPERATORS if name == word)
        return _group(inner, operator, references, excludes or operator == "none", depth)
    if word not in FACTS:
        inner.fault(not_one_of("the fact", word, [*FACTS, *OPERATORS, "use"]))
    return _leaf(inner, word, members.get("if_unknown"), references, excludes)


def _group(spot: Spot, operator: Operator, references: References, excludes: bool, depth: int) -> Group:
    parts = tuple(read_criterion(part, references, excludes, depth + 1) for part in spot.items())
    if not parts:
        spot.fault(f"{operator} is empty")
    return Group(operator, parts, place(spot.path))


def _use(spot: Spot, references: References, excludes: bool) -> Criterion:
    """A named criterion; it counts its own depth, because it is read on its own."""
    name = spot.choice("the named criterion", references.criteria)
    return read_criterion(references.criteria[name], references, excludes)


def _leaf(spot: Spot, word: str, if_unknown: Spot | None, references: References, excludes: bool) -> Leaf:
    fact = FACTS[word]
    if excludes and if_unknown is None and fact.unknown_when != "never":
        spot.fault(f'{word} under "none" may be unknown: say if_unknown: assume-absent, assume-present or stay-unknown')
    assumed = _MEANINGS[if_unknown.choice("if_unknown", ASSUMPTIONS)] if if_unknown else None
    key = f"{word}: {spot.value!r}"
    question = references.questions.get(key)
    if question is None:
        question = references.questions[key] = fact.build(spot, references)
    line = spot.document.line(spot.path)
    return Leaf(
        word,
        question.text,
        place(spot.path),
        line,
        question.judge,
        question.needs,
        question.tests,
        assumed,
        question.partner,
        excludes,
        of_patient=question.of_patient,
        words=frozenset(str(part.value) for part in walk(spot)),
    )


def place(path: Iterable[str | int]) -> str:
    """A path as `when.all[0].lab`."""
    shown = ""
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}" if shown else str(step)
    return shown
