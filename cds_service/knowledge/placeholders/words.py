"""Plain words for lists, dates and names that are too long."""

from collections.abc import Iterable, Sequence

from cds_service.chart import Day

# Of several names in one text each keeps at least so much; below that the first is named and the others are counted.
SHORTEST_OF_SEVERAL = 8


def shown_day(day: Day | None) -> str:
    """A date for a text; coarse dates show only what is known."""
    if day is None:
        return "an unknown date"
    prefix = "about " if day.about else ""
    if day.first == day.last:
        return f"{prefix}{day.first.isoformat()}"
    if (day.first.year, day.first.month) == (day.last.year, day.last.month):
        return f"{prefix}{day.first:%Y-%m}"
    return f"{prefix}{day.first.year}"


def shortened(text: str, length: int) -> str:
    """The text, cut to a length with an ellipsis."""
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def listed(words: Iterable[str]) -> str:
    """Words in a list; each once where all are the same."""
    *rest, last = dict.fromkeys(words)
    return f"{', '.join(rest)} and {last}" if rest else last


def fitting(names: Sequence[str], room: int) -> str:
    """Names in a list of at most so many characters: each keeps its beginning, or the first of them does."""
    if len(names) < 2 or len(listed(names)) <= room:
        return shortened(listed(names), room)
    joints = len(listed(names)) - sum(map(len, names))
    share = (room - joints) // len(names)
    if share < SHORTEST_OF_SEVERAL:
        more = f" +{len(names) - 1}"
        return shortened(names[0], room - len(more)) + more
    spare = sum(max(share - len(name), 0) for name in names)
    long = sum(len(name) > share for name in names)
    return listed([shortened(name, share + spare // long) for name in names])
