"""The journal: durable before anybody hears of it, whole lines only, and honest when the disk fails."""

import errno
import json
import multiprocessing
import os
import resource
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cds_service.audit import DiskSilent, Journal, JournalUnavailable, journal, tail

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "log")
    yield opened
    opened.close()


def lines(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "log" / journal.FILE_NAME).read_bytes().splitlines()


def test_a_record_is_one_line_of_json(log: Journal, tmp_path: Path) -> None:
    log.write({"kind": "decision", "text": "two\nlines", "list": [1, 2]})
    assert [json.loads(line) for line in lines(tmp_path)] == [
        {"kind": "decision", "text": "two\nlines", "list": [1, 2]}
    ]


def test_only_the_owner_may_read(log: Journal, tmp_path: Path) -> None:
    log.write({"n": 1})
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "log" / journal.FILE_NAME).stat().st_mode) == 0o600


def test_many_threads_lose_nothing_and_mix_nothing(log: Journal, tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: log.write({"n": n, "pad": "x" * (n % 300)}), range(400)))
    assert sorted(json.loads(line)["n"] for line in lines(tmp_path)) == list(range(400))


def test_followers_share_the_next_sync(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    first_is_on_disk, go_on = threading.Event(), threading.Event()
    syncs: list[int] = []

    def slow_sync(descriptor: int) -> None:
        syncs.append(descriptor)
        first_is_on_disk.set()
        go_on.wait(5)

    monkeypatch.setattr(journal, "_sync", slow_sync)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(log.write, {"n": 0})
        assert first_is_on_disk.wait(5)
        others = [pool.submit(log.write, {"n": n}) for n in range(1, 9)]
        while len(log._gathering.lines) < 8:
            pass
        assert not any(write.done() for write in (first, *others))
        go_on.set()
        for write in (first, *others):
            write.result(5)
    assert len(syncs) == 2


def test_sync_comes_after_write_and_before_return(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    real_write = os.write

    def write(descriptor: int, data: bytes) -> int:
        order.append("write")
        return real_write(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(journal, "_sync", lambda _descriptor: order.append("sync"))
    log.write({"n": 1})
    order.append("return")
    assert order == ["write", "sync", "return"]


def test_a_new_file_has_its_name_on_disk(log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    log.write({"n": 1})
    assert str(tmp_path / "log") in synced


def test_a_torn_last_line_does_not_spoil_the_next_record(log: Journal, tmp_path: Path) -> None:
    log.write({"n": 1})
    log.close()
    with (tmp_path / "log" / journal.FILE_NAME).open("ab") as file:
        file.write(b'{"n":2,"te')
    log.write({"n": 3})
    assert tail(tmp_path / "log", 10) == ([{"n": 1}, {"n": 3}], 1)


def test_half_a_line_of_another_process_does_not_spoil_the_next_record(log: Journal, tmp_path: Path) -> None:
    log.write({"n": 1})
    with (tmp_path / "log" / journal.FILE_NAME).open("ab") as file:
        file.write(b'{"n":2,"te')
    log.write({"n": 3})
    log.write({"n": 4})
    assert tail(tmp_path / "log", 10) == ([{"n": 1}, {"n": 3}, {"n": 4}], 1)


@pytest.mark.parametrize("seen_by", ["a write", "a check"])
def test_a_file_that_was_deleted_is_made_anew(log: Journal, tmp_path: Path, seen_by: str) -> None:
    log.write({"n": 1})
    (tmp_path / "log" / journal.FILE_NAME).unlink()
    if seen_by == "a check":
        log.check()
        assert lines(tmp_path) == []
    log.write({"n": 2})
    assert [json.loads(line) for line in lines(tmp_path)] == [{"n": 2}]


def test_a_full_disk_refuses_every_request_in_the_batch(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, _data: bytes) -> int:
        raise FULL

    monkeypatch.setattr(os, "write", fail)
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(log.write, {"n": n}) for n in range(20)]
    assert all(isinstance(write.exception(), JournalUnavailable) for write in writes)


def test_it_goes_on_when_there_is_space_again(log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:5]))
    with pytest.raises(JournalUnavailable, match="only 5 of"):
        log.write({"n": 1})
    monkeypatch.undo()
    log.write({"n": 2})
    assert tail(tmp_path / "log", 10) == ([{"n": 2}], 1)


def test_a_failed_sync_is_a_failed_record(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(journal, "_sync", fail)
    with pytest.raises(JournalUnavailable, match="Input/output error"):
        log.write({"n": 1})
    with pytest.raises(JournalUnavailable):
        log.check()


def test_a_writer_that_dies_leaves_nobody_believing(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even an error that is no OSError must not let a follower think that its record is kept."""
    gathered = threading.Event()

    def die(_descriptor: int) -> None:
        gathered.wait(5)
        raise MemoryError

    monkeypatch.setattr(journal, "_sync", die)
    with ThreadPoolExecutor(3) as pool:
        writes = [pool.submit(log.write, {"n": n}) for n in range(3)]
        gathered.set()
    assert all(isinstance(write.exception(), MemoryError | JournalUnavailable) for write in writes)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    log = Journal(tmp_path / "file" / "log")
    with pytest.raises(JournalUnavailable, match="cannot be written"):
        log.write({"n": 1})
    with pytest.raises(JournalUnavailable):
        log.check()


def _write_many(folder: Path, name: str) -> None:
    log = Journal(folder)
    for n in range(60):
        log.write({"who": name, "n": n})
    log.close()


def test_several_processes_share_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path / "log", name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    records = [json.loads(line) for line in lines(tmp_path) if line]
    for name in "ab":
        assert [record["n"] for record in records if record["who"] == name] == list(range(60))


def _fill_up(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    log = Journal(folder)
    kept = 0
    try:
        while True:
            log.write({"n": kept, "pad": "x" * 100})
            kept += 1
    except JournalUnavailable:
        (folder / "kept").write_text(str(kept))


def test_a_real_limit_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(target=_fill_up, args=(tmp_path,))
    writer.start()
    writer.join(60)
    kept = int((tmp_path / "kept").read_text())
    assert kept > 10
    assert [record["n"] for record in tail(tmp_path, 1000).records][:kept] == list(range(kept))


def test_closing_twice_does_no_harm(log: Journal) -> None:
    log.write({"n": 1})
    log.close()
    log.close()
    log.check()


def test_records_written_together_share_one_write(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(journal, "_sync", syncs.append)
    log.write(*[{"n": n} for n in range(5)])
    log.write()
    assert [json.loads(line)["n"] for line in lines(tmp_path)] == list(range(5))
    assert len(syncs) == 1


def test_a_full_disk_is_unready_before_a_call_finds_out(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    log.check()
    real = os.fstatvfs

    def full(descriptor: int) -> os.statvfs_result:
        found = list(real(descriptor))
        found[4] = 0
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "fstatvfs", full)
    with pytest.raises(JournalUnavailable, match="No space left"):
        log.check()


def test_after_a_failed_write_it_is_unready_until_one_succeeds(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, _data: bytes) -> int:
        raise FULL

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(JournalUnavailable):
        log.write({"n": 1})
    with pytest.raises(JournalUnavailable):
        log.check()
    monkeypatch.undo()
    log.check()
    log.write({"n": 2})
    assert tail(tmp_path / "log", 10) == ([{"n": 2}], 0)


# --- a disk that hangs


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A disk that answers no sync until told: whether it was asked, and what lets it answer."""
    asked, answers = threading.Event(), threading.Event()

    def sync(_descriptor: int) -> None:
        asked.set()
        answers.wait(30)

    monkeypatch.setattr(journal, "_sync", sync)
    yield asked, answers
    answers.set()


def seconds_of(call: Callable[[], None]) -> float:
    """How long it took to be refused by a silent disk."""
    start = time.monotonic()
    with pytest.raises(DiskSilent):
        call()
    return time.monotonic() - start


def test_nobody_waits_for_a_hanging_disk_beyond_its_time(
    log: Journal, tmp_path: Path, hanging: tuple[threading.Event, threading.Event]
) -> None:
    asked, answers = hanging
    with ThreadPoolExecutor(8) as pool:
        held = pool.submit(log.write, {"n": 0}, until=time.monotonic() + 0.5)
        assert asked.wait(5)
        until = time.monotonic() + 0.5
        late = [pool.submit(seconds_of, lambda n=n: log.write({"n": n}, until=until)) for n in range(1, 6)]
        assert all(0.3 < write.result(5) < 3 for write in late)
        assert not held.done()  # a system call cannot be interrupted
        answers.set()
        with pytest.raises(DiskSilent):  # on disk, but too late for its answer
            held.result(5)
    log.write({"n": 9}, until=time.monotonic() + 30)
    assert [record["n"] for record in tail(tmp_path / "log", 10).records] == [0, 9]


def test_a_follower_whose_time_ends_before_the_sync_does_is_refused(
    log: Journal, hanging: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its line was in the write that hangs: then it may be found in the file."""
    asked, answers = hanging
    took, go_on = threading.Event(), threading.Event()
    take = log._take_disk

    def slowly(seconds: float) -> bool:
        took.set()
        go_on.wait(5)
        return take(seconds)

    monkeypatch.setattr(log, "_take_disk", slowly)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(log.write, {"n": 0})
        assert took.wait(5)
        follower = pool.submit(seconds_of, lambda: log.write({"n": 1}, until=time.monotonic() + 0.5))
        while len(log._gathering.lines) < 2:
            pass
        go_on.set()
        assert asked.wait(5)
        assert 0.3 < follower.result(5) < 3
        answers.set()
        leader.result(5)


def test_a_late_call_that_leads_costs_its_own_answer_only(
    log: Journal, tmp_path: Path, hanging: tuple[threading.Event, threading.Event]
) -> None:
    asked, answers = hanging
    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(log.write, {"n": 0})
        assert asked.wait(5)
        leader = pool.submit(log.write, {"n": 1}, until=time.monotonic() + 0.2)
        while not log._gathering.lines:
            pass
        followers = [pool.submit(log.write, {"n": n}, until=time.monotonic() + 20) for n in (2, 3)]
        time.sleep(0.5)
        assert not any(write.done() for write in followers)
        answers.set()
        for write in (held, *followers):
            write.result(5)
        with pytest.raises(DiskSilent):
            leader.result(5)
    assert sorted(str(record["n"]) for record in tail(tmp_path / "log", 10).records) == ["0", "1", "2", "3"]


def test_who_leads_others_stays_no_longer_for_them_than_a_disk_may_take(
    log: Journal, hanging: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = hanging
    monkeypatch.setattr(journal, "_HANGING_SECONDS", 0.5)
    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(log.write, {"n": 0})
        assert asked.wait(5)
        leader = pool.submit(seconds_of, lambda: log.write({"n": 1}, until=time.monotonic() + 0.2))
        while not log._gathering.lines:
            pass
        follower = pool.submit(seconds_of, lambda: log.write({"n": 2}, until=time.monotonic() + 30))
        assert 0.5 < leader.result(5) < 3
        assert follower.result(5) < 3
        assert not log._gathering.lines
        answers.set()
        held.result(5)
    log.write({"n": 3})


def test_while_a_disk_is_known_to_hang_others_are_refused_at_once_until_it_answers(
    log: Journal, hanging: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = hanging
    monkeypatch.setattr(journal, "_HANGING_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(log.write, {"n": 0})
        assert asked.wait(5)
        time.sleep(0.3)
        for call in (lambda: log.write({"n": 1}, until=time.monotonic() + 30), log.check) * 5:
            assert seconds_of(call) < 0.2
        answers.set()
        held.result(5)
    log.check()
    log.write({"n": 2})


def test_a_check_that_hangs_is_known_too(
    log: Journal, hanging: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = hanging
    monkeypatch.setattr(journal, "_HANGING_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(log.check)
        assert asked.wait(5)
        time.sleep(0.3)
        assert seconds_of(lambda: log.write({"n": 1})) < 0.2
        answers.set()
        held.result(5)


def test_a_file_that_cannot_be_opened_is_no_silent_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(JournalUnavailable) as caught:
        Journal(tmp_path / "file").write({"n": 1}, until=time.monotonic() + 30)
    assert not isinstance(caught.value, DiskSilent)
