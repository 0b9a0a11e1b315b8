"""Cards and reasons drawn in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from cds_service.decide import Outcome
from cds_service.decide.wording import evidence_words
from cds_service.knowledge.criteria import Step

STYLES = {"critical": "bold white on red", "warning": "bold black on yellow", "info": "bold white on blue"}
BORDERS = {"critical": "red", "warning": "yellow", "info": "blue"}
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}

Json = Mapping[str, Any]


def console() -> Console:
    """Standard output, at most 110 columns, plain where it is no terminal or NO_COLOR is set."""
    found = Console(highlight=False)
    if found.width > 110:
        found.width = 110
    return found


def draw_cards(out: Console, cards: Sequence[Json], whole: bool = False) -> None:
    """Every card as a panel; `whole` shows the detail too."""
    if not cards:
        out.print("No cards.")
    for card in cards:
        out.print(_panel(card, whole))


def _panel(card: Json, whole: bool) -> Panel:
    indicator = str(card.get("indicator", "info"))
    lines: list[Any] = [Text(str(card.get("summary", "")), style="bold")]
    if whole and card.get("detail"):
        lines.append(Padding(Markdown(str(card["detail"])), (1, 0)))
    lines += [_suggestions(card), Text(f"Source: {card.get('source', {}).get('label', '')}", style="dim")]
    title = Text(f" {indicator.upper()} ", style=STYLES.get(indicator, ""))
    return Panel(Group(*lines), title=title, title_align="left", border_style=BORDERS.get(indicator, ""))


def _suggestions(card: Json) -> Text:
    labels = [str(one.get("label", "")) for one in card.get("suggestions", ())]
    return Text("  ".join(f"[{label}]" for label in labels), style="cyan")


def draw_trace(out: Console, outcomes: Iterable[Outcome]) -> None:
    """Each outcome with its criteria: true, false or unknown, and the data behind the answer."""
    out.print("[dim]✓ true   ✗ false   ? unknown: the data cannot tell   unless: keeps the card away when true[/]")
    for outcome in outcomes:
        out.print(_tree(outcome))


def _tree(outcome: Outcome) -> Tree:
    about = f" - {outcome.medicine}" if outcome.medicine else ""
    because = f" ({outcome.because})" if outcome.because else ""
    level = f" {outcome.indicator}" if outcome.indicator else ""
    tree = Tree(Text(f"{outcome.card.id}{about}: {outcome.result}{level}{because}", style="bold"))
    for step in outcome.trace:
        tree.add(Text.from_markup(f"{MARKS[step.value]} ").append(words(step)))
    return tree


def words(step: Step) -> str:
    """One criterion in a line."""
    data = "; ".join(dict.fromkeys(unescape(evidence_words(item).replace("\\", "")) for item in step.evidence[:4]))
    excluded = "unless: " if step.leaf.excludes else ""
    assumed = ", taken as " + ("present" if step.leaf.if_unknown else "absent") if step.assumed else ""
    return f"{excluded}{step.leaf.text}{assumed}" + (f" - {data}" if data else "")
