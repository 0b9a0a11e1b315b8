"""A check that is silenced on a line says why beside it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(.*)")
REASON = re.compile(r"(?::\s*[A-Z]+[0-9]+|\[[a-z, -]+\])\s*(?:- |# )\S.{5,}")


def unexplained(text: str) -> list[str]:
    return [found[0] for line in text.splitlines() if (found := SILENCED.search(line)) and not REASON.match(found[1])]


def test_every_silenced_check_has_a_code_and_a_reason() -> None:
    files = [path for folder in ("cds_service", "tests", "deploy") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 200
    found = {str(path.relative_to(ROOT)): unexplained(path.read_text(encoding="utf-8")) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_one_without_is_found() -> None:
    mark, other = "# no" + "qa", "# type: " + "ignore"
    assert len(unexplained(f"x = 1  {mark}\ny = 2  {mark}: S104\nz = 3  {other}[arg-type]\n")) == 3
    assert (
        unexplained(
            f"x = 1  {mark}: S104 - compared, not bound\nz = 3  {other}[arg-type]  # the wrong type is the test\n"
        )
        == []
    )
