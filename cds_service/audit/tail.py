"""The last records of the journal, newest last."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from cds_service.audit.journal import FILE_NAME

_BLOCK = 65_536
_decode = msgspec.json.Decoder(dict[str, object]).decode


class Tail(NamedTuple):
    """Records in the order written, and how many lines on the way were no records (torn by a crash)."""

    records: list[dict[str, object]]
    broken: int


def tail(folder: Path, count: int) -> Tail:
    """The last `count` records in `folder`; empty when nothing was written. Raises OSError when it cannot be read."""
    path = folder / FILE_NAME
    if count < 1 or not path.exists():
        return Tail([], 0)
    records: list[dict[str, object]] = []
    broken = 0
    with path.open("rb") as file:
        for line in _lines_backwards(file.fileno()):
            record = _record(line)
            if record is None:
                broken += 1
                continue
            records.append(record)
            if len(records) == count:
                break
    return Tail(records[::-1], broken)


def _record(line: bytes) -> dict[str, object] | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _lines_backwards(descriptor: int) -> Iterator[bytes]:
    """Lines that are not empty, last first, reading a block at a time from the end."""
    position = os.fstat(descriptor).st_size
    rest = b""
    while position > 0:
        start = max(0, position - _BLOCK)
        lines = (os.pread(descriptor, position - start, start) + rest).split(b"\n")
        rest, position = lines[0], start
        yield from (line for line in reversed(lines[1:]) if line.strip())
    if rest.strip():
        yield rest
