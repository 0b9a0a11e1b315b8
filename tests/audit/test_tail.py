"""Reading the last records back."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.audit import tail
from cds_service.audit.journal import FILE_NAME
from cds_service.audit.tail import Tail


def test_no_journal_yet_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "nowhere", 5) == Tail([], 0)


def test_the_newest_stands_last(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("".join(f'{{"n":{n}}}\n' for n in range(50)))
    assert [record["n"] for record in tail(tmp_path, 3).records] == [47, 48, 49]
    assert len(tail(tmp_path, 500).records) == 50
    assert tail(tmp_path, 0) == Tail([], 0)


@pytest.mark.parametrize("size", [100, 65_536, 200_000])
def test_lines_longer_than_a_block_are_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps({"a": "x" * size}) + "\n" + '{"b":1}\n')
    records = tail(tmp_path, 2).records
    assert records[1] == {"b": 1}
    assert len(str(records[0]["a"])) == size


def test_lines_that_are_no_records_are_counted(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"n":1}\n\n{"n":2,\n[3]\n\xff\n{"n":4}\n{"n":5')
    assert tail(tmp_path, 2) == Tail([{"n": 1}, {"n": 4}], 4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=200_000), max_size=8), st.integers(min_value=1, max_value=10))
def test_any_lengths(tmp_path_factory: pytest.TempPathFactory, lengths: list[int], count: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written = [{"n": n, "pad": "x" * length} for n, length in enumerate(lengths)]
    (folder / FILE_NAME).write_text("".join(json.dumps(record) + "\n" for record in written))
    assert tail(folder, count) == Tail(written[-count:], 0)
