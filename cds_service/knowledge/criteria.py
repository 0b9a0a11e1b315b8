"""Criteria as authors write them, read into a small tree and compiled into one function.

The notation is deliberately poor: `all`, `any`, `none`, at most three deep, facts by name, no arithmetic, no variables.
A card that needs more asks for a new named fact.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from msgspec import Struct

from cds_service.chart import Gap, Section
from cds_service.knowledge.case import Case, Evidence, Judge
from cds_service.knowledge.logic import Truth, every, negate, some

DEEPEST = 3
Operator = Literal["all", "any", "none"]
OPERATORS: tuple[Operator, ...] = ("all", "any", "none")
ASSUMPTIONS = ("assume-absent", "assume-present", "stay-unknown")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact about the case. `text` says it in plain words; `place` is where it stands in the card.

    `if_unknown` is what an unknown answer counts as (None = stays unknown). `partner` marks facts about another
    medicine. `needs` and `tests` are the data it reads, `words` every word its author wrote as its argument.
    `excludes` marks a leaf under `none`, `of_patient` one with the same answer for every medicine. Leaves that ask the
    same share one `judge`.
    """

    fact: str
    text: str
    place: str
    line: int
    judge: Judge
    needs: frozenset[Section]
    tests: frozenset[str] = frozenset()
    if_unknown: Truth = None
    partner: bool = False
    excludes: bool = False
    negated: bool = False
    words: frozenset[str] = frozenset()
    of_patient: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parts joined by `all`, `any` or `none`."""

    operator: Operator
    parts: "tuple[Criterion, ...]"
    place: str


Criterion = Leaf | Group
ALWAYS = Group("all", (), "")


class Step(Struct, frozen=True):
    """One line of a trace: the leaf, its answer, what it rests on, and whether the answer was assumed."""

    leaf: Leaf
    value: Truth
    evidence: tuple[Evidence, ...]
    assumed: bool = False

    @property
    def counts_as(self) -> Truth:
        """The answer that the criterion went on with: the fact's own, or what was assumed in its place."""
        return self.leaf.if_unknown if self.assumed else self.value


Trace = list[Step]
Compiled = Callable[[Case, Trace], Truth]


def compile_criterion(criterion: Criterion) -> Compiled:
    """The criterion as one function. Every leaf is judged, so that the trace is always whole."""
    if isinstance(criterion, Leaf):
        return _compile_leaf(criterion)
    parts = tuple(compile_criterion(part) for part in criterion.parts)
    return _compile_all(parts) if criterion.operator == "all" else _compile_any(parts, criterion.operator == "none")


def _compile_all(parts: tuple[Compiled, ...]) -> Compiled:
    """`every` of the parts, without a list of their answers."""

    def judge(case: Case, trace: Trace) -> Truth:
        answer: Truth = True
        for part in parts:
            value = part(case, trace)
            if value is not True and answer is not False:
                answer = value
        return answer

    return judge


def _compile_any(parts: tuple[Compiled, ...], negated: bool) -> Compiled:
    """`some` of the parts (or its negation), without a list of their answers."""

    def judge(case: Case, trace: Trace) -> Truth:
        answer: Truth = False
        for part in parts:
            value = part(case, trace)
            if value is not False and answer is not True:
                answer = value
        return negate(answer) if negated else answer

    return judge


def _compile_leaf(leaf: Leaf) -> Compiled:
    """The leaf; what another one has already asked of this medicine (or of the patient) is answered from the case."""
    fact, fallback, negated, of_patient = leaf.judge, leaf.if_unknown, leaf.negated, leaf.of_patient

    def judge(case: Case, trace: Trace) -> Truth:
        answers = case.patient_answers if of_patient else case.answers
        found = answers.get(fact)
        if found is None:
            found = answers[fact] = fact(case)
        value = found.value
        assumed = value is None and fallback is not None
        trace.append(Step(leaf, value, found.evidence, assumed))
        answer = fallback if assumed else value
        return negate(answer) if negated else answer

    return judge


def could_hold(criterion: Criterion, trace: Iterable[Step]) -> bool:
    """Whether a criterion left unknown might be true if all that was not read were known; `trace` is its own."""
    return _at_best(criterion, iter(trace), True) is True


def _at_best(criterion: Criterion, steps: Iterator[Step], hoped: bool) -> Truth:
    """The answer with every unread fact taken as hoped; what is absent stays unknown."""
    if isinstance(criterion, Group):
        none = criterion.operator == "none"
        answers = [_at_best(part, steps, hoped != none) for part in criterion.parts]
        if criterion.operator == "all":
            return every(answers)
        return negate(some(answers)) if none else some(answers)
    step = next(steps)
    if step.value is None and not step.assumed and any(isinstance(item, Gap) for item in step.evidence):
        return hoped
    answer = criterion.if_unknown if step.assumed else step.value
    return negate(answer) if criterion.negated else answer


def replayed(criterion: Criterion, answers: Iterator[Truth]) -> Truth:
    """What a criterion comes to when its leaves are answered so, in the order of writing; unknown where answers end."""
    if isinstance(criterion, Group):
        parts = [replayed(part, answers) for part in criterion.parts]
        if criterion.operator == "all":
            return every(parts)
        return negate(some(parts)) if criterion.operator == "none" else some(parts)
    answer = next(answers, None)
    return negate(answer) if criterion.negated else answer


def leaves(criterion: Criterion) -> Iterator[Leaf]:
    """Every leaf, in the order of writing."""
    if isinstance(criterion, Leaf):
        yield criterion
    else:
        for part in criterion.parts:
            yield from leaves(part)


def negated(leaf: Leaf) -> Leaf:
    """The leaf turned round: what a mutation test puts in its place."""
    return replace(leaf, negated=not leaf.negated)


def substituted(criterion: Criterion, old: Leaf, new: Leaf | None) -> Criterion:
    """The tree with one leaf replaced, or dropped when `new` is None."""
    if isinstance(criterion, Leaf):
        return criterion
    parts = tuple(
        (new if part is old else substituted(part, old, new))
        for part in criterion.parts
        if not (part is old and new is None)
    )
    return replace(criterion, parts=tuple(part for part in parts if part is not None))
