"""The figures as Markdown tables, ready for docs/speed.md."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.bench import production
from tests.bench.measuring import Spent

SERVICE = "service, no record"
TYPICAL = "typical"


def show(found: Mapping[str, Any]) -> str:
    """Everything that was measured, as text."""
    about = found["about"]
    parts = [
        f"Python {about['python']}, {about['processor']}, {about['system']}.",
        "### CPU per request\n\n" + "\n".join(_requests(found["bodies"], found["requests"])),
        "### Ratios, typical body\n\n" + "\n".join(_ratios(found["requests"][TYPICAL])),
        "### Growth from body to body\n\n" + "\n".join(_growth(found["bodies"], found["requests"])),
        "### Where the time goes, typical body\n\n" + "\n".join(_stages(found["stages"])),
        "### Cards\n\n" + "\n".join(_cards(found["cards"])),
        "### In production, against its own limit\n\n" + production.table(found["production"]),
        f"### Memory\n\nA worker after 200 typical calls: {found['memory']:.0f} MB.",
    ]
    if "servers" in found:
        rows = ([name, f"{value:,.0f}"] for name, value in found["servers"].items())
        parts.append("### Over loopback, typical body\n\n" + "\n".join(_table(["server", "CPU µs per request"], rows)))
    return "\n\n".join(parts)


def _requests(sizes: Mapping[str, Any], requests: Mapping[str, Mapping[str, Spent]]) -> Iterator[str]:
    head = [f"{size} ({sizes[size][0] / 1000:,.0f} kB, {sizes[size][1]:,} resources)" for size in requests]
    names = requests[TYPICAL]
    rows = ([name, *(_both(requests[size].get(name)) for size in requests)] for name in names)
    yield from _table(["µs of CPU: median (best)", *head], rows)


def _ratios(typical: Mapping[str, Spent]) -> Iterator[str]:
    rows = []
    for subject in (name for name in typical if name.startswith("service")):
        for other, spent in typical.items():
            if not other.startswith("service"):
                rows.append([f"{subject} / {other}", _times(typical[subject].median / spent.median),
                             _times(typical[subject].best / spent.best)])  # fmt: skip
    yield from _table(["", "by medians", "by best rounds"], rows)


def _growth(sizes: Mapping[str, Any], requests: Mapping[str, Mapping[str, Spent]]) -> Iterator[str]:
    rows = ([size, f"{requests[size][SERVICE].median / sizes[size][1]:.1f}",
             f"{requests[size][SERVICE].median / sizes[size][0] * 1000:.1f}"] for size in requests)  # fmt: skip
    yield from _table(["", "µs per resource", "µs per kB"], rows)


def _stages(found: Mapping[str, Spent]) -> Iterator[str]:
    whole = sum(spent.median for spent in found.values())
    rows = ([name, _both(spent), f"{spent.median / whole:.0%}"] for name, spent in found.items())
    yield from _table(["stage by itself", "µs of CPU: median (best)", "share"], rows)


def _cards(found: Mapping[str, Spent]) -> Iterator[str]:
    last = list(found)[-1]
    each = (found[last].median - found["0"].median) / int(last)
    yield from _table(
        ["cards", "decide, µs of CPU: median (best)"], ([name, _both(one)] for name, one in found.items())
    )
    yield f"\n{each:.1f} µs for each of {last} cards."


def _both(spent: Spent | None) -> str:
    return f"{spent.median:,.0f} ({spent.best:,.0f})" if spent else "-"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
