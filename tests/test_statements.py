"""docs/statements.md says the truth: the words it quotes stand on the lines it names, and no row is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "statements.md").read_text()
PLACE = re.compile(r'\[[a-z.]+:(?P<line>\d+)\]\(\.\./(?P<path>cards/[^)]+)\) "(?P<words>.+?)"(?=[.;,]|\s*\||$)', re.M)


def test_every_place_holds_the_words_it_is_quoted_for() -> None:
    places = list(PLACE.finditer(PAGE))
    assert len(places) == PAGE.count("](../cards/")
    for place in places:
        lines = (ROOT / place["path"]).read_text().splitlines()
        found = [number for number, line in enumerate(lines, 1) if place["words"].replace("\\|", "|") in line]
        assert int(place["line"]) in found, (
            f'{place["path"]}: "{place["words"]}" stands on {found}, not {place["line"]}'
        )


def test_every_row_is_there_once_and_says_where_or_why_not() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(cells[0].strip("| ")) for cells in rows] == list(range(1, 54))
    for cells in rows:
        assert "](../cards/" in cells[-1] or "**Not said.**" in cells[-1], cells[0]
