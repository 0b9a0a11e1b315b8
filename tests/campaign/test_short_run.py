"""The campaign in small on each run of the tests; by hand it takes minutes or hours (docs/security.md)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_service.knowledge.library import Library
from tests.campaign import rooms
from tests.campaign.doors import Doors
from tests.campaign.engines import DOORS, Until, changed_input, hypothesis, mutation, tokens
from tests.campaign.tally import Tally

SEED = 5


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Doors]:
    opened = Doors(tmp_path_factory.mktemp("doors"), library)
    yield opened
    opened.close()


def quiet(line: str) -> None:
    """No progress."""


def test_changed_inputs_are_answered_as_they_should_be(doors: Doors) -> None:
    tally = Tally(SEED)
    mutation(doors, tally, Until(inputs=2_400), quiet)
    hypothesis(doors, tally, Until(inputs=150), quiet)
    assert tally.faults == []
    assert tally.wrong == 0
    assert tally.tried > 2_400
    # Most inputs of a door get beyond the reading of JSON, or the campaign would prove little.
    told = tally.rows["mutation", DOORS[0]].told
    assert told["200"] > 60
    assert told["400"] > 60
    assert tally.rows["mutation", "chart and decision"].told["decided"] > 60


def test_twenty_thousand_changed_tokens_of_each_algorithm_are_refused(doors: Doors) -> None:
    tally = Tally(SEED)
    tokens(doors, tally, Until(inputs=20_000), quiet)
    row = tally.rows["tokens", "token"]
    assert (row.tried, row.told["refused"], row.wrong) == (40_000, 40_000, 0)
    for good in rooms.tokens():
        assert rooms.token(good) == "let in"


def test_the_same_seed_gives_the_same_inputs() -> None:
    for target in (*DOORS, *rooms.ROOMS):
        first = [changed_input(target, number, SEED) for number in range(5)]
        assert first == [changed_input(target, number, SEED) for number in range(5)]
        assert first != [changed_input(target, number, SEED + 1) for number in range(5)]


def test_a_defect_would_be_found(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A service that crashes now and then, a room that raises, and a token that is let in are each counted."""
    from cds_service.hooks import request as reading

    real = reading.check_depth

    def broken(body: bytes, limit: int) -> None:
        if len(body) % 3 == 0:
            raise KeyError("x")
        real(body, limit)

    monkeypatch.setattr(reading, "check_depth", broken)
    monkeypatch.setitem(rooms.ROOMS, "token", lambda _: "let in")
    tally = Tally(SEED)
    mutation(doors, tally, Until(inputs=240), quiet)
    wrong = {target for (_, target), row in tally.rows.items() if row.wrong}
    assert wrong == {DOORS[0], "request", "chart and decision", "token"}
    assert any("status 500" in fault for fault in tally.faults)
    assert "| mutation | token |" in tally.table()


def test_the_folder_is_not_needed_after(tmp_path: Path, library: Library) -> None:
    """Records are made and thrown away: a long campaign fills no disk."""
    opened = Doors(tmp_path, library)
    tally = Tally(SEED)
    mutation(opened, tally, Until(inputs=160), quiet)
    opened.close()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 100_000
