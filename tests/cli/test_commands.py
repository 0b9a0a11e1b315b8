"""The commands as a person uses them: what they print, on which stream, and with which exit code."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from cds_service import __version__
from cds_service.cli import main
from cds_service.knowledge import library
from tests.conftest import CARDS, OpenService, shipped

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that comes with the program is loaded once for all these commands, not by each."""
    load = library.load_library
    monkeypatch.setattr(
        library, "load_library", lambda folder, data=None: shipped() if folder == CARDS else load(folder, data)
    )


def run(*words: str, code: int = 0, **environ: str) -> tuple[str, str]:
    answer = RUNNER.invoke(main, list(words), env=environ)
    assert answer.exit_code == code, answer.output
    return answer.stdout, answer.stderr


def test_the_version() -> None:
    assert __version__ in run("--version")[0]


def test_demo_draws_a_critical_card_and_the_reasons() -> None:
    out, _ = run("demo")
    assert "CRITICAL" in out
    assert "boxed warning" in out
    assert "Why" in out
    assert "✓" in out


def test_a_quiet_demo_tells_what_could_not_be_judged_from_what_does_not_apply() -> None:
    unknown = run("demo", "agnes")[0]
    assert "1 of 40 cards could not be judged" in unknown
    assert "a result of magnesium: none on" in unknown
    judged = run("demo", "dora")[0]
    assert "was judged, and none applies" in judged
    assert "Why" not in judged


def test_demo_as_json_is_only_json() -> None:
    out, _ = run("demo", "--json")
    assert json.loads(out)["cards"][0]["indicator"] == "critical"


def test_demo_lists_everybody_with_a_story() -> None:
    people = json.loads(run("demo", "--list", "--json")[0])
    assert len(people) > 20
    assert all(person["story"] for person in people)


def test_demo_of_nobody_is_a_usage_error() -> None:
    assert "No synthetic patient" in run("demo", "nobody-at-all", code=2)[1]


def test_explain_shows_each_criterion() -> None:
    out, _ = run("explain", "quinine-cramps", "ada")
    assert "quinine-cramps" in out
    assert "✓" in out
    assert "muscle cramps" in out


def test_explain_as_json() -> None:
    (outcome,) = json.loads(run("explain", "quinine-cramps", "ada", "--json")[0])
    assert outcome["result"] in ("shown", "merged")
    assert {step[2] for step in outcome["trace"]} <= {True, False, "unknown"}


def test_explain_a_card_that_does_not_answer_the_hook() -> None:
    assert "does not answer the hook" in run("explain", "quinine-longterm-review", "ada")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", "no-card", "ada"), 2, "No card is called"),
        (("explain", "quinine-cramps", "no-such-person"), 2, "neither a file nor a synthetic patient"),
        (("explain", "quinine-cramps", "ada", "--region", "fr"), 2, "not one of us, uk, de"),
        (("explain", "quinine-cramps", "/nowhere.json"), 4, "cannot be read"),
        (("preview", "no-card"), 2, "No card is called"),
        (("demo", "--cards", "/nowhere"), 3, "is not a folder of cards"),
    ],
)
def test_wrong_words_get_a_sentence(words: tuple[str, ...], code: int, said: str) -> None:
    assert said in run(*words, code=code)[1]


def test_a_file_that_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{,}")
    assert "is not JSON" in run("explain", "quinine-cramps", str(path), code=4)[1]


def test_a_request_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"hook": "order-sign", "hookInstance": "x", "context": {"userId": "a"}}))
    assert "patientId is missing" in run("explain", "quinine-cramps", str(path), code=2)[1]


def test_check_passes_and_says_how_much_it_looked_at() -> None:
    out, err = run("check")
    assert out == ""
    assert "all checks passed" in err


def test_check_of_a_broken_folder_fails_with_its_faults(tmp_path: Path) -> None:
    out, _ = run("check", "--cards", str(tmp_path), code=1)
    assert "is not a folder of cards" in out


def test_check_as_json() -> None:
    report = json.loads(run("check", "--json")[0])
    assert report["faults"] == []
    assert report["cards"] >= 14


def test_preview_shows_the_whole_card() -> None:
    out, _ = run("preview", "baclofen-renal")
    assert "Sources" in out
    shown = json.loads(run("preview", "quinine-cramps", "--json")[0])
    assert {entry["region"] for entry in shown} == {"us", "uk", "de"}


def test_attributes_of_a_card_are_shown_and_listed() -> None:
    out, _ = run("attributes", "baclofen-renal")
    assert [f"\n{number}. " in out for number in range(1, 14)] == [True] * 13
    assert "7. Use of language\n    Not used." in out
    assert 'criterion "age at least 65"' in out
    assert "    Shown when\n" in out
    told = json.loads(run("attributes", "quinine-cramps", "--json", "--region", "uk")[0])
    assert (told["region"], told["usesHealthStatusAssessment"], told["usesRace"]) == ("uk", True, False)


def test_attributes_of_every_card_are_listed() -> None:
    assert len(json.loads(run("attributes", "--json")[0])) == len(shipped().cards)
    assert run("attributes")[0].count("1. Bibliographic citation") == len(shipped().cards)


def test_attributes_of_nothing_are_a_usage_error() -> None:
    assert 'No card is called "nothing"' in run("attributes", "nothing", code=2)[1]
    assert 'The region "fr" is not one of us, uk, de' in run("attributes", "--region", "fr", code=2)[1]


def test_request_prints_dates_of_today() -> None:
    text, _ = run("request", "ada")
    assert json.loads(text)["hook"] == "order-select"
    assert "{{" not in text


def test_the_vocabulary_is_printed() -> None:
    assert run("vocabulary")[0].startswith("# The vocabulary of cards")


def test_terminology_build_gives_the_committed_tables(tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(CARDS, tmp_path / "cards"))
    run("terminology", "build", "--cards", str(folder))
    for path in sorted((CARDS / "shared").rglob("*.csv")):
        assert (folder / path.relative_to(CARDS)).read_bytes() == path.read_bytes(), path


def test_settings_that_are_wrong_are_all_named(tmp_path: Path) -> None:
    _, err = run("serve", code=3, CDS_PORT="no", CDS_PROFIL="x", CDS_DATA_DIR=str(tmp_path))
    assert "CDS_PORT" in err
    assert "CDS_PROFILE" in err


def test_production_is_refused_without_clients(tmp_path: Path) -> None:
    assert "needs CDS_CLIENTS_FILE" in run("serve", code=3, CDS_PROFILE="production")[1]


def test_a_folder_for_records_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "CDS_DATA_DIR cannot be used" in run("serve", code=4, CDS_DATA_DIR=str(tmp_path / "file"))[1]


def test_the_audit_of_nothing_is_empty(tmp_path: Path) -> None:
    assert run("audit", "tail", CDS_DATA_DIR=str(tmp_path))[0] == ""
    assert json.loads(run("audit", "tail", "--json", CDS_DATA_DIR=str(tmp_path))[0]) == []


@pytest.fixture
def address(open_service: OpenService) -> Iterator[str]:
    """The whole service on a free port of this machine."""
    server = make_server("127.0.0.1", 0, open_service(datetime.now(UTC)).application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.loopback
def test_call_finds_the_service_and_draws_the_answer(address: str, socket_enabled: None) -> None:
    assert "CRITICAL" in run("call", address, "ada")[0]
    answer = json.loads(run("call", f"{address}/cds-services/cramp-order-select", "ada", "--json")[0])
    assert answer["status"] == 200


@pytest.mark.loopback
def test_call_says_what_a_service_refuses(address: str, socket_enabled: None) -> None:
    assert "this service answers only" in run("call", f"{address}/cds-services/cramp-order-sign", "ada", code=1)[1]


@pytest.mark.loopback
def test_call_of_nobody(socket_enabled: None) -> None:
    assert "discovery" in run("call", "http://127.0.0.1:1", "ada", code=4)[1]
