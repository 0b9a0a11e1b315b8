"""Three-valued logic: a criterion is true, false or unknown (None), and unknown is never taken for false.

`all` is false as soon as one part is false, true when every part is true, otherwise unknown (Kleene 1952);
`any` is its mirror; `none` is the negation of `any`.
"""

from collections.abc import Iterable

Truth = bool | None


def every(parts: Iterable[Truth]) -> Truth:
    """Conjunction: false beats unknown, unknown beats true."""
    answer: Truth = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            answer = None
    return answer


def some(parts: Iterable[Truth]) -> Truth:
    """Disjunction: true beats unknown, unknown beats false."""
    answer: Truth = False
    for part in parts:
        if part:
            return True
        if part is None:
            answer = None
    return answer


def negate(part: Truth) -> Truth:
    """Negation: unknown stays unknown."""
    return None if part is None else not part
