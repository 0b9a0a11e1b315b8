"""The counts of `burden` drawn in a terminal."""

from rich.table import Table

from cds_service.cli.drawing import console
from cds_service.simulation.burden import MUCH, Burden, busy, rate, table


def draw_burden(burden: Burden) -> None:
    """The counts in sentences, the table by card and indicator, what is above the limit, the slowest calls."""
    out, calls = console(), burden.calls.total()
    each = ", ".join(f"{hook} {count}" for hook, count in burden.calls.items())
    out.print(f"{burden.patients} patients, {calls} calls ({each})")
    out.print(
        f"{rate(burden.cards, calls)} cards per 100 calls; {rate(burden.with_card, calls)} % of calls with a card, "
        f"{rate(burden.with_gaps, calls)} % with data-quality"
    )
    others = ((status, count) for status, count in sorted(burden.statuses.items()) if status != 200)
    out.print(f"not answered: {', '.join(f'{count} x {status}' for status, count in others) or 'none'}\n")
    if burden.shown:
        out.print(_by_card(burden))
    for card, hook, share in busy(burden):
        out.print(f"[yellow]above {MUCH:g} %[/]: {card} speaks on {share} % of the {hook} calls")
    out.print("\nslowest calls")
    for one in burden.slowest:
        out.print(f"{one.milliseconds:8.1f} ms  {one.hook}  {one.place}", soft_wrap=True)
    for one in burden.failures:
        out.print(f"[red]failed[/]: {one.status} {', '.join(one.failed)}  {one.hook}  {one.place}", soft_wrap=True)


def _by_card(burden: Burden) -> Table:
    """Shown for 100 calls of each hook; a finding that is a section of another card counts for its own."""
    drawn = Table("card", "indicator", title="shown per 100 calls", title_justify="left")
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for row in table(burden):
        rows.setdefault((row.card, row.indicator), {})[row.hook] = row.per_100_calls
    for hook in burden.calls:
        drawn.add_column(hook, justify="right")
    for key, rates in rows.items():
        drawn.add_row(*key, *(str(rates.get(hook, "")) for hook in burden.calls))
    return drawn
