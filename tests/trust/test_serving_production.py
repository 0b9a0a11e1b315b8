"""The production profile for real: refused starts, two workers, restarts, and the commands around it."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from cds_service.cli.doctoring import _limits
from cds_service.settings import Settings
from cds_service.trust.minting import key_set, mint
from tests.trust.issuing import BASE, CALL, ISSUER, PATH, key_pair, write_clients
from tests.trust.servers import endpoint, free_port, listens, sends, until

pytestmark = pytest.mark.loopback
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from cds_service.cli import main; main()"]
JSON = "application/json"


def environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    given = {"CDS_PROFILE": "production", "CDS_BASE_URL": BASE, "CDS_DATA_DIR": str(tmp_path / "data")}
    return {**inherited, **given, "PYTHONPATH": str(ROOT), **changes}


def run(tmp_path: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(tmp_path, **changes), cwd=tmp_path, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@contextmanager
def serving(tmp_path: Path, clients: Path, workers: int = 1) -> Iterator[int]:
    port = free_port()
    environ = environment(tmp_path, CDS_CLIENTS_FILE=str(clients), CDS_PORT=str(port), CDS_WORKERS=str(workers))
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen([*COMMAND, "serve"], env=environ, cwd=tmp_path, stdout=log, stderr=log)
        try:
            until(lambda: listens(port) and b"discovery" in (tmp_path / "log").read_bytes(), 60)
            time.sleep(1)  # the second worker loads
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0
    until(lambda: not listens(port))


def knock(port: int, token: str, path: str = PATH, again: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest("POST", path)
        body = json.dumps(CALL).encode()
        headers = [("Content-Type", JSON), ("Content-Length", str(len(body))), ("Authorization", f"Bearer {token}")]
        for name, value in [*headers, *([("Authorization", again)] if again else [])]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def fresh(path: str = PATH) -> str:
    return mint(key_pair("ES384"), ISSUER, BASE + path, int(time.time()))


def test_a_token_is_good_once_for_all_workers_and_across_a_restart(tmp_path: Path) -> None:
    clients = write_clients(tmp_path, {"shows_drafts": True})
    with serving(tmp_path, clients, workers=2) as port:
        tokens = [fresh() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            for token in tokens:
                statuses = list(pool.map(lambda _, sent=token: knock(port, sent), range(8)))
                assert sorted(statuses) == [200] + [401] * 7
        assert knock(port, fresh(), again="Bearer x") == 401
        assert knock(port, fresh("/cds-services")) == 401
        kept = fresh()
        assert knock(port, kept) == 200
    with serving(tmp_path, clients) as port:
        assert knock(port, kept) == 401
        assert knock(port, fresh()) == 200


@pytest.mark.parametrize(
    ("entry", "changes", "said"),
    [
        (None, {}, "CDS_PROFILE=production needs CDS_CLIENTS_FILE"),
        ({"shows_drafts": True}, {"CDS_BASE_URL": "http://cds.example.org"}, "https address that callers use"),
        ({}, {}, "No card is active, so nothing could be shown to ehr"),
        ({"shows_drafts": True, "isuer": "x"}, {}, 'clients.yaml:'),
    ],
)  # fmt: skip
def test_an_unsafe_start_is_refused_with_a_sentence(
    tmp_path: Path, entry: dict[str, object] | None, changes: dict[str, str], said: str
) -> None:
    clients = {} if entry is None else {"CDS_CLIENTS_FILE": str(write_clients(tmp_path, entry))}
    for command in ("serve", "doctor"):
        ended = run(tmp_path, command, **{**clients, **changes})
        assert ended.returncode == 3, ended.stderr
        assert said in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr


def test_the_token_command_makes_what_the_service_takes(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"
    jwks = run(tmp_path, "token", "--alg", "RS384", "--key", str(key_file), "--jwks").stdout
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert set(json.loads(jwks)["keys"][0]) == {"kty", "n", "e", "kid", "alg", "use"}
    (tmp_path / "jwks.json").write_text(jwks)
    clients = write_clients(tmp_path, {"jwks_file": "jwks.json", "tenant": "t", "shows_drafts": True})
    made = ["token", "--alg", "RS384", "--key", str(key_file), "--iss", ISSUER, "--aud", BASE + PATH]
    with serving(tmp_path, clients) as port:
        assert knock(port, run(tmp_path, *made, "--tenant", "t").stdout.strip()) == 200
        assert knock(port, run(tmp_path, *made).stdout.strip()) == 401
        whole = json.loads(run(tmp_path, *made, "--tenant", "t", "--json").stdout)
        assert whole["jwks"] == json.loads(jwks)
        assert knock(port, whole["token"]) == 200


def test_the_token_command_says_what_is_wrong(tmp_path: Path) -> None:
    assert run(tmp_path, "token").returncode == 2
    assert run(tmp_path, "token", "--alg", "HS256", "--aud", "x").returncode == 2
    assert run(tmp_path, "token", "--aud", "x").returncode == 0
    wrong = run(tmp_path, "token", "--alg", "RS384", "--aud", "x", "--key", "data/development-key-ES384.json")
    assert (wrong.returncode, "a key for ES384, not for RS384" in wrong.stderr) == (4, True)
    (tmp_path / "other.json").write_text("{}")
    assert "does not hold a private key" in run(tmp_path, "token", "--aud", "x", "--key", "other.json").stderr


def test_the_doctor_finds_all_well(tmp_path: Path) -> None:
    clients = write_clients(tmp_path, {"shows_drafts": True})
    ended = run(tmp_path, "doctor", CDS_CLIENTS_FILE=str(clients))
    assert ended.returncode == 0, ended.stdout
    checks = {line.split()[1] for line in ended.stdout.splitlines()}
    assert checks == {"settings", "address", "limits", "cards", "clients", "keys", "replay", "records"}
    assert all(line.startswith("ok ") for line in ended.stdout.splitlines())
    assert "ehr is shown draft cards" in ended.stdout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CDS_CALL_SECONDS": "2"}, "CDS_FHIR_TIMEOUT_SECONDS leaves less than half a second"),
        ({"CDS_MAX_IN_FLIGHT": "16"}, "CDS_MAX_IN_FLIGHT_PER_CLIENT is not below CDS_MAX_IN_FLIGHT"),
        ({"CDS_MAX_COMPUTING": "8"}, "CDS_MAX_COMPUTING above 4"),
        ({"CDS_MAX_CONNECTIONS": "40"}, "CDS_MAX_CONNECTIONS is below twice CDS_MAX_IN_FLIGHT"),
        ({"CDS_REPLAY_STORE": "redis://:hunter2@127.0.0.1:1/0"}, "CDS_REPLAY_STORE holds a password"),
        ({"CDS_REPLAY_STORE_FILE": "store"}, "CDS_REPLAY_STORE_FILE names a file that others may write"),
    ],
)  # fmt: skip
def test_the_doctor_says_which_limits_do_not_go_together(
    tmp_path: Path, changes: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").write_text("memory\n")
    (tmp_path / "store").chmod(0o666)
    monkeypatch.chdir(tmp_path)
    clients = {"CDS_CLIENTS_FILE": str(write_clients(tmp_path, {"shows_drafts": True}))}
    given = {"CDS_PROFILE": "production", "CDS_BASE_URL": BASE, **clients, **changes}
    for name in os.environ.keys() | given.keys():
        if name.startswith("CDS_"):
            monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    (fault,) = [found.sentence for found in _limits(Settings.load(given)) if found.code]
    assert fault.startswith(said)
    assert "hunter2" not in fault


def test_the_doctor_says_what_to_mend(tmp_path: Path) -> None:
    with endpoint(sends(json.dumps(key_set(key_pair("RS384"))).encode())) as site, endpoint(sends(b"", 404)) as gone:
        clients = write_clients(
            tmp_path,
            {"jku": site.url + "/jwks", "algorithms": ["ES384"]},
            {"name": "gone", "issuer": "b", "jku": gone.url + "/jwks"},
            {"name": "good", "issuer": "c", "jku": site.url},
        )
        changes = {"CDS_CLIENTS_FILE": str(clients), "CDS_REPLAY_STORE": "redis://127.0.0.1:1/0"}
        ended = run(tmp_path, "doctor", "--json", CDS_PROFILE="sandbox", CDS_BASE_URL="", **changes)
    assert ended.returncode == 1, ended.stderr
    said = {(found["check"], found["sentence"]) for found in json.loads(ended.stdout) if found["code"]}
    assert said == {
        ("keys", "ehr: no key fits its algorithms, ES384."),
        ("keys", f"gone: {gone.url}/jwks: the answer is 404."),
        ("replay", "the shared store of CDS_REPLAY_STORE cannot be used; this host is alone."),
    }
    assert ("clock", 0) in {(found["check"], found["code"]) for found in json.loads(ended.stdout)}
