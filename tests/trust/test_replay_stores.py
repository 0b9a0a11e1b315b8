"""The stores of used tokens, each kept to the same promises; the shared ones on real servers."""

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from time import perf_counter, sleep

import pytest

from cds_service.trust import replay_file
from cds_service.trust.replay import MemoryStore, ReplayStore, Sight, StoreDown, Verdict
from cds_service.trust.replay_file import FileStore
from cds_service.trust.replay_opening import SharedStore, open_replay
from tests.trust.servers import Server, postgres_server, redis_server

NOW = 1_790_000_000.0
LONGEST = 3720.0


class Clock:
    def __init__(self) -> None:
        self.tick = 1000.0

    def __call__(self) -> float:
        return self.tick


def sight(name: str = "one", issued: float = NOW, life: float = 360, body: bytes = b"") -> Sight:
    return Sight(name.encode().ljust(32, b"."), issued, issued + life, body)


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


OpenStore = Callable[[], ReplayStore]


@pytest.fixture(params=["memory", "file", "redis", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same store again and again, as each worker does; memory has only one."""
    opened: list[ReplayStore] = []
    memory = MemoryStore(NOW, lambda: 0.0)

    def open_one() -> ReplayStore:
        if request.param == "memory":
            store: ReplayStore = memory
        elif request.param == "file":
            store = FileStore(tmp_path / "replay.sqlite", NOW, lambda: 0.0, LONGEST)
        else:
            store = shared(request.getfixturevalue(request.param).url)
        opened.append(store)
        return store

    if request.param in ("redis", "postgres"):
        forget(request.getfixturevalue(request.param))
    yield open_one
    for store in opened:
        store.close()


def shared(url: str) -> ReplayStore:
    if url.startswith("redis"):
        from cds_service.trust.replay_redis import RedisStore

        return RedisStore(url)
    from cds_service.trust.replay_postgres import PostgresStore

    return PostgresStore(url, lambda: 0.0)


def forget(server: Server) -> None:
    """Empty the server, as a crash would."""
    if server.url.startswith("redis"):
        import redis

        with redis.Redis.from_url(server.url) as client:
            client.flushall()
    else:
        import psycopg

        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS cramp_cds_replay, cramp_cds_replay_memory")


def test_a_token_is_new_once(open_store: OpenStore) -> None:
    store = open_store()
    assert [store.spend(sight(), NOW) for _ in range(3)] == ["new", "seen", "seen"]
    assert store.spend(sight("two"), NOW) == "new"
    assert store.state()


def test_another_worker_knows_it(open_store: OpenStore) -> None:
    assert open_store().spend(sight(), NOW) == "new"
    assert open_store().spend(sight(), NOW) == "seen"


def test_a_repeat_needs_the_same_body(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    assert first.spend(sight(body=b"a" * 32), NOW) == "new"
    assert second.spend(sight(body=b"a" * 32), NOW) == "repeat"
    assert second.spend(sight(body=b"b" * 32), NOW) == "seen"
    assert second.spend(sight(), NOW) == "seen"


def test_a_store_that_begins_refuses_what_was_issued_before(open_store: OpenStore) -> None:
    store = open_store()
    assert store.spend(sight("first"), NOW) == "new"
    assert store.spend(sight("old", issued=NOW - 61), NOW) == "seen"
    assert store.spend(sight("within the leeway", issued=NOW - 59), NOW) == "new"


def test_a_clock_set_back_brings_no_token_to_life(open_store: OpenStore) -> None:
    store = open_store()
    assert store.spend(sight(life=3600), NOW + 30) == "new"
    assert store.spend(sight(life=3600), NOW + 30 - 3600) == "seen"


def test_many_at_the_same_moment_get_it_once(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(3)]
    gate = threading.Barrier(6)

    def try_all(store: ReplayStore) -> list[str]:
        gate.wait(10)
        return [store.spend(sight(f"{number}"), NOW) for number in range(40)]

    with ThreadPoolExecutor(6) as pool:
        verdicts = list(pool.map(try_all, stores * 2))
    assert [column.count("new") for column in zip(*verdicts, strict=True)] == [1] * 40


# --- time: a token is forgotten when both clocks have passed its end, and then nothing so old is taken


@pytest.fixture(params=["memory", "file"])
def clocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ReplayStore, Clock]]:
    clock = Clock()
    store: ReplayStore = (
        MemoryStore(NOW, clock)
        if request.param == "memory"
        else FileStore(tmp_path / "replay.sqlite", NOW, clock, LONGEST)
    )
    yield store, clock
    store.close()


def held(store: ReplayStore) -> int:
    if isinstance(store, MemoryStore):
        return len(store._seen)
    assert isinstance(store, FileStore)
    with closing(sqlite3.connect(store._path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM seen").fetchone()[0]
        return count


def test_both_clocks_must_pass(clocked: tuple[ReplayStore, Clock]) -> None:
    store, clock = clocked
    store.spend(sight(), NOW)
    store.spend(sight("wall leaps", issued=NOW + 1e6), NOW + 1e6)
    assert held(store) == 2
    clock.tick += 361
    store.spend(sight("wall is slow"), NOW + 10)
    assert held(store) == 3
    clock.tick += 61
    store.spend(sight("now", issued=NOW + 500), NOW + 500)
    assert held(store) == 3  # "one" is over by both clocks


def test_what_was_forgotten_stays_refused_when_the_clock_is_set_back(clocked: tuple[ReplayStore, Clock]) -> None:
    store, clock = clocked
    assert store.spend(sight(), NOW) == "new"
    clock.tick += 400
    store.spend(sight("later", issued=NOW + 400), NOW + 400)
    assert held(store) == 1
    assert store.spend(sight(), NOW + 100) == "seen"


# --- the file


def spend_in_a_process(path: Path, results: "multiprocessing.Queue[str]") -> None:
    store = FileStore(path, NOW, lambda: 0.0, LONGEST)
    for number in range(50):
        results.put(f"{number} {store.spend(sight(str(number)), NOW)}")


def test_two_processes_share_the_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = context.Queue()
    arguments = (tmp_path / "replay.sqlite", results)
    workers = [context.Process(target=spend_in_a_process, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    said = [results.get(timeout=30) for _ in range(100)]
    for worker in workers:
        worker.join(30)
    assert sum(line.endswith("new") for line in said) == 50
    assert sum(line.endswith("seen") for line in said) == 50


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "replay.sqlite", NOW, lambda: 0.0, LONGEST)
    store.spend(sight(), NOW)
    store.close()
    with closing(FileStore(tmp_path / "replay.sqlite", NOW + 200, lambda: 0.0, LONGEST)) as again:
        assert again.spend(sight(), NOW + 200) == "seen"
        assert again.spend(sight("minted before the restart", issued=NOW + 10), NOW + 200) == "new"
    assert (tmp_path / "replay.sqlite").stat().st_mode & 0o777 == 0o600


def test_another_boot_refuses_what_was_issued_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot"
    monkeypatch.setattr("cds_service.trust.replay_file._BOOT", boot)
    boot.write_text("one")
    store = FileStore(tmp_path / "replay.sqlite", NOW, lambda: 5000.0, LONGEST)
    store.spend(sight(), NOW)
    store.close()
    boot.write_text("two")
    with closing(FileStore(tmp_path / "replay.sqlite", NOW + 200, lambda: 3.0, LONGEST)) as again:
        assert again.spend(sight(), NOW + 200) == "seen"
        assert again.spend(sight("lost in the crash", issued=NOW + 10), NOW + 200) == "seen"
        assert again.spend(sight("after", issued=NOW + 201), NOW + 201) == "new"
    with closing(sqlite3.connect(tmp_path / "replay.sqlite")) as connection:
        assert connection.execute("SELECT max(ticks) FROM seen").fetchone()[0] <= 3.0 + LONGEST


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "replay.sqlite"
    path.write_bytes(b"no database" * 1000)
    with closing(FileStore(path, NOW, lambda: 0.0, LONGEST)) as store:
        assert store.spend(sight("old", issued=NOW - 100), NOW) == "seen"
        assert store.spend(sight(), NOW) == "new"
    assert path.with_suffix(".broken").exists()


def test_a_folder_that_cannot_be_written_is_said_and_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file in the way")
    with closing(FileStore(blocked / "replay.sqlite", NOW, lambda: 0.0, LONGEST)) as store:
        with pytest.raises(StoreDown):
            store.spend(sight(), NOW)
        assert "cannot be written" in store.state()
        blocked.unlink()
        assert store.spend(sight(), NOW) == "new"


# --- shared stores that go away and come back


@pytest.fixture(params=["redis", "postgres"])
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with redis_server() if request.param == "redis" else postgres_server() as server:
        yield server


def test_an_outage_costs_no_call_and_lets_no_copy_in(own_server: Server, tmp_path: Path) -> None:
    clock = Clock()
    here = SharedStore(shared(own_server.url), FileStore(tmp_path / "a.sqlite", NOW, clock, LONGEST), clock)
    there = SharedStore(shared(own_server.url), FileStore(tmp_path / "b.sqlite", NOW, clock, LONGEST), clock)
    with closing(here), closing(there):
        assert [store.spend(sight(), NOW) for store in (here, there)] == ["new", "seen"]
        own_server.stop()
        assert here.spend(sight("two"), NOW) == "new"
        assert [here.spend(sight(name), NOW) for name in ("one", "two")] == ["seen", "seen"]
        assert here.alone == 1
        assert "away" in here.state()
        own_server.start()
        clock.tick += 6
        assert here.spend(sight("two"), NOW + 100) == "seen"
        # The server came back without its memory: what was issued before is refused on the other host too.
        assert there.spend(sight("begin", issued=NOW + 100), NOW + 100) == "new"
        assert there.spend(sight("two"), NOW + 100) == "seen"
        assert there.spend(sight("three", issued=NOW + 30), NOW + 100) == "seen"
        assert "in use" in here.state()


def test_a_server_that_hangs_costs_a_moment_once(own_server: Server, tmp_path: Path) -> None:
    clock = Clock()
    store = SharedStore(shared(own_server.url), FileStore(tmp_path / "a.sqlite", NOW, clock, LONGEST), clock)
    with closing(store):
        assert store.spend(sight(), NOW) == "new"
        # Every process of the group is stopped: connections stay open and nothing answers.
        own_server.send(SIGSTOP)
        begun = perf_counter()
        assert store.spend(sight("two"), NOW) == "new"
        assert perf_counter() - begun < 2.5
        begun = perf_counter()
        assert [store.spend(sight(str(number)), NOW) for number in range(20)] == ["new"] * 20
        assert perf_counter() - begun < 1
        own_server.send(SIGCONT)
        clock.tick += 6
        sleep(0.5)
        assert store.spend(sight("three"), NOW) == "new"
        assert "in use" in store.state()


class Down:
    def spend(self, sight: Sight, now: float) -> Verdict:
        raise StoreDown("down")

    def state(self) -> str:
        return "down"

    def close(self) -> None:
        """Nothing."""


def test_neither_store_means_down() -> None:
    own = MemoryStore(NOW, lambda: 0.0)
    assert SharedStore(Down(), own, lambda: 0.0).spend(sight(), NOW) == "new"
    assert SharedStore(own, Down(), lambda: 0.0).spend(sight("two"), NOW) == "new"
    with pytest.raises(StoreDown):
        SharedStore(Down(), Down(), lambda: 0.0).spend(sight(), NOW)


@pytest.mark.parametrize("where", ["redis://127.0.0.1:1/0", "postgresql://x@127.0.0.1:1/x"])
def test_a_server_that_is_not_there_at_the_start(where: str, tmp_path: Path) -> None:
    with closing(open_replay(where, tmp_path, NOW, lambda: 0.0, 3600)) as store:
        assert [store.spend(sight(), NOW) for _ in range(2)] == ["new", "seen"]
        assert "away" in store.state()


def test_the_setting_names_the_store(tmp_path: Path) -> None:
    for where, kind in (("memory", MemoryStore), ("sqlite", FileStore)):
        with closing(open_replay(where, tmp_path, NOW, lambda: 0.0, 3600)) as store:
            assert isinstance(store, kind)
    assert os.listdir(tmp_path)


def test_a_file_held_by_the_disk_keeps_nobody_waiting_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "replay.sqlite", NOW, lambda: 0.0, LONGEST)
    asked, answers = threading.Event(), threading.Event()

    def hang(*_: object) -> str:
        asked.set()
        answers.wait(30)
        return "new"

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(store, "_spend", hang)
        patch.setattr(replay_file, "_BUSY_SECONDS", 0.1)
        held = pool.submit(store.spend, sight(), NOW)
        assert asked.wait(5)
        start = perf_counter()
        with pytest.raises(StoreDown, match="does not answer"):
            store.spend(sight("two"), NOW)
        assert perf_counter() - start < 1
        answers.set()
        assert held.result(5) == "new"
    assert store.spend(sight("two"), NOW) == "new"
    store.close()
