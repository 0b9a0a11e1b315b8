"""What could not be checked, one line for each cause: what is unknown, why, what was assumed of it, and what follows.

What follows is worked out, not guessed: the card is judged again with the unknown answered the other way.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cds_service.chart import Gap, LabResult
from cds_service.decide.decision import RANK, Finding
from cds_service.decide.merging import Bundle
from cds_service.decide.wording import SECTION_WORDS, evidence_words
from cds_service.knowledge.card import Indicator
from cds_service.knowledge.case import Absent, Evidence
from cds_service.knowledge.criteria import Step, replayed
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import markdown

HEADING = "**What was not checked**"
# What a gap without a name of its own speaks of, where that is less than a whole section.
_SUBJECTS = {
    "reason-not-understood": "reason of the order",
    "drug-unknown": "a medicine on the list",
    "older-release": "an entry on the list",
}
_ARTICLES = ("a result of ", "the ", "a ", "an ")


class _Cause(NamedTuple):
    """What is not known, and why.

    `whole` marks what leaves open which question is meant (a section, a result that a limit does not fit), `named`
    what an author's words stand for.
    """

    what: str
    why: str
    whole: bool = False
    named: bool = False


class _Sense(NamedTuple):
    """What an unknown counted as, and what the other answer would have done. `joint`: all of its texts together."""

    treated: str
    effect: str = ""
    joint: bool = False


_NOT_COUNTED = "Not counted"
# Places in a trace, and the parts of the finding (one for each medicine it stands on) where the answer stayed unknown.
_Unknown = dict[int, list[Finding]]


def not_checked(bundle: Bundle, references: References) -> str:
    """The part of a card that says what its criteria could not learn; empty where they learned everything."""
    found: dict[_Cause, dict[_Sense, dict[str, None]]] = {}
    for finding in bundle.findings:
        for cause, unknown in _by_cause(finding, references).items():
            for sense, text in _senses(finding, unknown, bundle):
                found.setdefault(cause, {}).setdefault(sense, {})[text] = None
    lines = _lines({cause: _telling(cause, senses) for cause, senses in found.items()})
    return "\n".join([HEADING, "", *lines]) if found else ""


def _by_cause(finding: Finding, references: References) -> dict[_Cause, _Unknown]:
    """What stayed unknown, by why it did. The traces of the medicines of one finding run side by side."""
    found: dict[_Cause, _Unknown] = {}
    for part in finding.each:
        for place, step in enumerate(part.trace):
            if step.value is None:
                found.setdefault(_cause(step, references), {}).setdefault(place, []).append(part)
    return found


def _cause(step: Step, references: References) -> _Cause:
    if not step.evidence:
        return _Cause(step.leaf.text, "the data do not tell", named=True)
    told = [_one_cause(item, step, references) for item in step.evidence[:5]]
    first, *rest = dict.fromkeys(told)
    if not rest:
        return first
    more = "".join(f"; {cause.why if cause.what == first.what else f'{cause.what}: {cause.why}'}" for cause in rest)
    return first._replace(why=f"{first.why}{more}")


def _one_cause(item: Evidence, step: Step, references: References) -> _Cause:
    if isinstance(item, Absent):
        return _Cause(_bare(item.what), item.why)
    if isinstance(item, Gap):
        named = item.about or item.reason in _SUBJECTS
        return _Cause(subject(item, references), gap_reason(item), whole=not named)
    if isinstance(item, LabResult):
        title = item.title or item.test
        return _Cause(title, f"{evidence_words(item).removeprefix(title).strip()} does not decide it", whole=True)
    return _Cause(step.leaf.text, f"{evidence_words(item)} does not decide it", named=True)


def gap_reason(gap: Gap) -> str:
    """Why something could not be read, for Markdown."""
    return markdown(gap.detail or gap.reason.replace("-", " "))


def subject(gap: Gap, references: References) -> str:
    """What a gap is about, in the words of the library: a test, a condition, a class, an entry, a whole section."""
    if not gap.about:
        return _SUBJECTS.get(gap.reason, SECTION_WORDS[gap.section])
    test = references.terms.tests.get(gap.about)
    if test:
        return test.title
    title = references.concepts.get(gap.about) or references.terms.class_titles.get(gap.about, gap.about)
    return _bare(title.replace("-", " ") if title == gap.about else title)


def _bare(what: str) -> str:
    return next((what.removeprefix(article) for article in _ARTICLES if what.startswith(article)), what)


def _senses(finding: Finding, unknown: _Unknown, bundle: Bundle) -> Iterator[tuple[_Sense, str]]:
    """Each unknown of one cause with what it counted as and what it could have changed: alone, else all together."""
    steps = [parts[0].trace[place] for place, parts in unknown.items()]
    senses = [_sense(finding, {place: parts}, bundle) for place, parts in unknown.items()]
    if len(senses) > 1 and not any(sense.effect for sense in senses):
        together = _sense(finding, unknown, bundle)
        if together.effect:
            senses = [together._replace(treated=sense.treated, joint=True) for sense in senses]
    for sense, step in zip(senses, steps, strict=True):
        yield sense, step.leaf.text


def _sense(finding: Finding, unknown: _Unknown, bundle: Bundle) -> _Sense:
    place, parts = next(iter(unknown.items()))
    step = parts[0].trace[place]
    if step.assumed:
        treated = "Assumed so" if step.leaf.if_unknown else "Assumed not so"
        effect = _effect(finding, unknown, not step.leaf.if_unknown, bundle)
        return _Sense(treated, f"otherwise {effect}" if effect else "")
    for answer, lead in ((True, "if so"), (False, "if not so")):
        effect = _effect(finding, unknown, answer, bundle)
        if effect:
            return _Sense(_NOT_COUNTED, f"{lead}, {effect}")
    return _Sense(_NOT_COUNTED)


def _effect(finding: Finding, unknown: _Unknown, answer: Truth, bundle: Bundle) -> str:
    """What becomes of the card when the unknown is answered so, everything else being as it is; empty for nothing."""
    levels = [(part, _judged_with(part, unknown, answer)) for part in finding.each]
    gone = [part for part, level in levels if level is None]
    if gone:
        card = "this card" if len(bundle.findings) == 1 else f'the part "{finding.card.title}"'
        return f"{card} would not {'be shown' if len(gone) == len(levels) else f'name {_medicines(gone)}'}"
    level = min((level for _, level in levels if level), key=RANK.__getitem__)
    return f"this card would be {_LEVELS[level]}" if RANK[level] < RANK[bundle.indicator] else ""


def _judged_with(part: Finding, unknown: _Unknown, answer: Truth) -> Indicator | None:
    """The level of one medicine's part where the unknown is answered so; None where it drops out."""
    answers = [step.counts_as for step in part.trace]
    for place, parts in unknown.items():
        if any(part is one for one in parts):
            answers[place] = answer
    return _judged(part, iter(answers))


def _medicines(parts: Iterable[Finding]) -> str:
    names = dict.fromkeys(part.case.course.head.name for part in parts if part.case.course)
    return _listed([markdown(name) for name in names], "and")


_LEVELS: dict[Indicator, str] = {"critical": "critical", "warning": "a warning", "info": "information"}


def _judged(finding: Finding, answers: Iterator[Truth]) -> Indicator | None:
    """The level of a card whose facts are answered so, None where it is not shown.

    What only the levels below its own ask was never judged and stays unknown.
    """
    if replayed(finding.card.when, answers) is not True:
        return None
    for level in finding.card.levels:
        if level.criterion is None or replayed(level.criterion, answers):
            return level.indicator
    return finding.card.levels[-1].indicator


def _telling(cause: _Cause, senses: dict[_Sense, dict[str, None]]) -> dict[_Sense, tuple[str, ...]]:
    """What is worth a reader's time: no text twice, and nothing that changes nothing beside what matters."""
    kept: dict[_Sense, tuple[str, ...]] = {}
    for sense, texts in sorted(senses.items(), key=lambda item: not item[0].effect):
        said = {text for other, before in kept.items() if other.treated == sense.treated for text in before}
        new = tuple(text for text in texts if text not in said)
        idle = sense == _Sense(_NOT_COUNTED) and not cause.whole
        if new and not (idle and kept):
            kept[sense] = () if idle or cause.named else new
    return kept


def _lines(found: dict[_Cause, dict[_Sense, tuple[str, ...]]]) -> list[str]:
    """One line for each why with the same senses: "one test and another: none on file"."""
    whats: dict[tuple[str, tuple[_Sense, ...]], dict[str, None]] = {}
    texts: dict[tuple[str, tuple[_Sense, ...]], list[list[str]]] = {}
    for cause, senses in found.items():
        key = cause.why, tuple(senses)
        whats.setdefault(key, {})[cause.what] = None
        for held, more in zip(texts.setdefault(key, [[] for _ in senses]), senses.values(), strict=True):
            held.extend(text for text in more if text not in held)
    return [
        f"- **{capital(_listed(what, 'and'))}**: {why}. {' '.join(map(_said, senses, texts[why, senses]))}"
        for (why, senses), what in whats.items()
    ]


def _said(sense: _Sense, texts: Sequence[str]) -> str:
    about = f": {_listed(texts, 'and' if sense.joint else 'or')}" if texts else ""
    return f"{sense.treated}{about}{f'; {sense.effect}' if sense.effect else ''}."


def _listed(words: Iterable[str], last: str) -> str:
    *rest, final = words
    return f"{', '.join(rest)} {last} {final}" if rest else final


def capital(text: str) -> str:
    """With a capital letter in front, but for words such as eGFR."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]
