"""The journal: one line of JSON for each record, on disk before anybody hears of it.

The seam is `Journal.write`: it returns when the record is durable. What stands behind it may change; that may not.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import msgspec

FILE_NAME = "decisions.ndjson"
# A disk with less room than this, some ten records, counts as full before a call finds out.
_LEAST_ROOM = 65_536
_NEVER = float("inf")
# How long a question about readiness waits for the disk.
_PATIENCE_SECONDS = 1.0
# A disk that has not answered one request for so long hangs: nobody else begins to wait for it.
_HANGING_SECONDS = 2.0
# Proof that records can be written again: a line that readers skip, long enough to need new room on the disk.
_BLANK_LINE = b" " * 4095 + b"\n"
# fdatasync leaves out the time stamps, which nobody needs; not every system has it.
_sync = getattr(os, "fdatasync", os.fsync)
_encode = msgspec.json.Encoder().encode


class JournalUnavailable(Exception):
    """The record could not be made durable: the answer it belongs to must not leave."""


class DiskSilent(JournalUnavailable):
    """The disk did not answer in time."""


class _Batch:
    """Lines that share one write and one sync. The request that brought the first line leads while any has time."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.until = -_NEVER  # when the time of the last of them is over
        self.settled = threading.Event()
        self.durable = False
        self.fault: OSError | None = None


class Journal:
    """An append-only file of records in `folder`, safe for threads, and for processes that share the folder.

    Group commit: while one request waits for the disk, those that come meanwhile gather and share the next sync.
    A write that fails, or comes too late, refuses every request in it; its lines may still be found in the file.

    Nobody waits for a disk beyond its own time but the one request that has asked it: a system call cannot be
    interrupted. While that one is held for two seconds and more, others are refused at once, until the disk answers.
    And whoever leads others stays up to two seconds for those that have more time: a late call costs its own answer.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._gate = threading.Lock()
        self._disk = threading.Lock()
        self._gathering = _Batch()
        self._descriptor = -1
        self._failed = False
        self._whole_to = -1  # the size of the file after our last write: unchanged, it ends in a whole line
        self._asked_at = _NEVER

    def write(self, *records: Mapping[str, object], until: float = _NEVER) -> None:
        """Append records in one piece; returns when all of them are on disk.

        Raises `JournalUnavailable` when they cannot be put there, and its `DiskSilent` when they are not there by
        `until` (monotonic seconds). They may still get there later.
        """
        if not records:
            return
        lines = b"".join(_encode(record) + b"\n" for record in records)
        with self._gate:
            self._refuse_while_hanging()
            batch = self._gathering
            batch.lines.append(lines)
            batch.until = max(batch.until, until)
            leads = len(batch.lines) == 1
        if leads:
            self._lead(batch, until)
        else:
            batch.settled.wait(_left(until))
        if batch.fault is not None:
            raise JournalUnavailable(_sentence(self._path, batch.fault)) from batch.fault
        if not batch.durable or monotonic() > until:
            raise DiskSilent(f"{self._path}: the disk did not answer in time")

    def check(self) -> None:
        """Raise `JournalUnavailable` when records cannot be kept now.

        That is when the file cannot be opened or synced, or the disk is full; after a write that failed, also until a
        blank line can be written.
        """
        self._refuse_while_hanging()
        if not self._take_disk(_PATIENCE_SECONDS):
            raise DiskSilent(f"{self._path}: the disk has not answered for {_PATIENCE_SECONDS:g} s")
        try:
            self._check()
        finally:
            self._leave_disk()

    def _check(self) -> None:
        try:
            descriptor = self._open()
            _check_room(descriptor)
            if self._failed:
                self._append(_BLANK_LINE)
            else:
                _sync(descriptor)
        except OSError as error:
            self._close()
            raise JournalUnavailable(_sentence(self._path, error)) from error

    def close(self) -> None:
        """Give the file back; a later write opens it again."""
        with self._disk:
            self._close()

    def _refuse_while_hanging(self) -> None:
        """Raise `DiskSilent` while somebody has been waiting for the disk itself for long."""
        silent = monotonic() - self._asked_at
        if silent > _HANGING_SECONDS:
            raise DiskSilent(f"{self._path}: the disk has not answered for {silent:.0f} s")

    def _take_disk(self, seconds: float) -> bool:
        """Be the one who asks the disk; False when that was not possible in so many seconds."""
        if not self._disk.acquire(timeout=seconds):
            return False
        self._asked_at = monotonic()
        return True

    def _leave_disk(self) -> None:
        self._asked_at = _NEVER
        self._disk.release()

    def _lead(self, batch: _Batch, until: float) -> None:
        """Write a batch, or give it up when the disk is not free while somebody in it has time."""
        has_disk = self._close_batch(batch, until + _HANGING_SECONDS)
        try:
            if has_disk:
                self._commit(batch)
        finally:
            if has_disk:
                self._leave_disk()
            batch.settled.set()

    def _close_batch(self, batch: _Batch, latest: float) -> bool:
        """Take the disk for a batch, or leave it when its time is over or it is later than `latest`.

        From then on the others gather for the next sync.
        """
        while True:
            has_disk = self._take_disk(_left(min(batch.until, latest)))
            with self._gate:
                if has_disk or monotonic() >= min(batch.until, latest):  # else somebody with more time came meanwhile
                    self._gathering = _Batch()
                    return has_disk

    def _commit(self, batch: _Batch) -> None:
        try:
            self._append(b"".join(batch.lines))
            batch.durable = True
        except OSError as error:
            self._failed = True
            self._close()
            batch.fault = error
        except BaseException:
            batch.fault = OSError("the writer stopped")
            raise

    def _append(self, lines: bytes) -> None:
        descriptor = self._open()
        size = os.fstat(descriptor).st_size
        if size != self._whole_to and _ends_torn(descriptor, size):
            lines = b"\n" + lines
        written = os.write(descriptor, lines)
        if written != len(lines):
            raise OSError(errno.ENOSPC, f"only {written} of {len(lines)} bytes were written")
        _sync(descriptor)
        self._failed, self._whole_to = False, size + written

    def _open(self) -> int:
        """The file, anew where somebody has deleted it: what is written into one without a name is lost."""
        if self._descriptor >= 0 and not os.fstat(self._descriptor).st_nlink:
            self._close()
        if self._descriptor < 0:
            self._descriptor = _open_durably(self._path)
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor, self._whole_to = self._descriptor, -1, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _left(until: float) -> float:
    """Seconds until then, as locks take them."""
    return min(max(until - monotonic(), 0.0), threading.TIMEOUT_MAX)


def _open_durably(path: Path) -> int:
    """The file for appending, its name itself on disk; only its owner may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if is_new:
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_room(descriptor: int) -> None:
    """Raise OSError when the disk is full; a file system that does not say how large it is may have room."""
    disk = os.fstatvfs(descriptor)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < _LEAST_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ends_torn(descriptor: int, size: int) -> bool:
    """True when a crash left half a line at the end, so that the next record must start on a line of its own."""
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _sentence(path: Path, error: OSError) -> str:
    return f"the journal {path} cannot be written: {error.strerror or error}"
