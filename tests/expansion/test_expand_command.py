"""The command `terminology expand`, and what its file changes: matches, the revision, coverage; never a hook call."""

import json
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.cli.output import data_folder
from cds_service.knowledge.coverage import coverage
from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.library import Library, load_library, site_expansion
from cds_service.settings import Settings
from cds_service.simulation import fixtures
from cds_service.terminology import (
    EXPANSIONS,
    Coding,
    Expansion,
    expanded,
    expansion_roots,
    expansion_text,
    read_tables,
)
from tests.conftest import CARDS, OpenService
from tests.expansion.terminology_stub import EDITION, SNOMED, Stub, outcome, running

CONCEPT, ROOT = "optic-neuritis", "66760008"  # a card of the named patient used below asks for it
CHILD = "123604002"  # any valid code that the tables do not list


def kept(folder: Path, **descendants: tuple[str, ...]) -> Path:
    """A data folder with an expansion; the keywords are roots behind a letter."""
    rows = read_tables(CARDS / "shared").conditions
    found = {name[1:]: codes for name, codes in descendants.items()}
    made = Expansion("snomed", "https://tx.example.org/fhir", "", EDITION, "2026-11-22", found)
    (folder / EXPANSIONS).parent.mkdir(parents=True)
    (folder / EXPANSIONS).write_text(expansion_text(made, expansion_roots(rows)))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return load_library(CARDS, kept(tmp_path_factory.mktemp("site"), r66760008=(CHILD,)))


# --- what the file changes


def concepts(library: Library, code: str) -> frozenset[str]:
    return library.terms.concepts([Coding(SNOMED, code, "")], "").concepts


def test_a_descendant_states_what_its_root_states(library: Library, site: Library) -> None:
    assert concepts(library, CHILD) == frozenset()
    assert concepts(site, CHILD) == concepts(library, ROOT) == {CONCEPT}


def test_what_is_written_with_stays_the_same(library: Library, site: Library) -> None:
    assert site.terms.concept_coding(CONCEPT) == library.terms.concept_coding(CONCEPT)


def test_the_revision_names_the_descendants(library: Library, site: Library, tmp_path: Path) -> None:
    other = kept(tmp_path / "other", r66760008=(CHILD, "235856003"))
    assert len({library.revision, site.revision, load_library(CARDS, other).revision}) == 3
    assert load_library(CARDS, tmp_path).revision == library.revision


def test_server_and_date_do_not_change_the_revision() -> None:
    one = Expansion("snomed", "https://a.example.org", "", "", "2026-01-01", {ROOT: (CHILD,)})
    two = Expansion("snomed", "https://b.example.org", "x", EDITION, "2026-02-02", {ROOT: (CHILD,)})
    assert one.sha256 == two.sha256


def test_a_code_that_is_listed_keeps_its_own_use() -> None:
    rows = read_tables(CARDS / "shared").conditions
    hint = next(row for row in rows if row.use == "supporting" and row.system == "snomed")
    root = next(row for row in rows if row.concept == hint.concept and row.root)
    made = Expansion("snomed", "", "", "", "", {root.code: (hint.code, CHILD)})
    added = [row for row in expanded(rows, made)[len(rows) :] if row.concept == hint.concept]
    assert [(row.code, row.use) for row in added] == [(CHILD, root.use)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CHILD, "404684003", "sha256"),
        (CHILD, "123604003", "valid codes"),
        ('"format": 1', '"format": 2', "format"),
        ('"server"', '"servant"', "lacks"),
        ("{", "[", "not JSON"),
    ],
)
def test_a_spoilt_file_stops_the_start(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = kept(tmp_path / "data", r66760008=(CHILD,)) / EXPANSIONS
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(LibraryError, match=said):
        site_expansion(tmp_path / "data")


def test_coverage_counts_what_is_bundled_and_what_is_added(tmp_path: Path) -> None:
    before = {one.concept: one for one in coverage(CARDS, None)}
    after = {one.concept: one for one in coverage(CARDS, site_expansion(kept(tmp_path, r66760008=(CHILD, ROOT))))}
    changed = {name: one for name, one in after.items() if one != before[name]}
    assert changed == {CONCEPT: before[CONCEPT]._replace(expanded=1)}
    assert min(before[CONCEPT].roots, before[CONCEPT].icd) > 0


# --- a hook call


def test_a_hook_call_counts_descendants_and_asks_nobody(
    site: Library, open_service: OpenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    client = open_service(now, cards=site)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a hook call opened a socket")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    answers = [seen(client, coded(code, now)) for code in (CHILD, ROOT, "404684003")]
    assert answers[0] == answers[1] != answers[2]


def coded(code: str, now: datetime) -> dict[str, Any]:
    """A named patient with one problem, by code only."""
    request = fixtures.find("ada", now).request
    problem = {
        "resourceType": "Condition",
        "id": "problem",
        "subject": {"reference": f"Patient/{request['context']['patientId']}"},
        "code": {"coding": [{"system": SNOMED, "code": code}]},
    }
    held = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": problem}]}
    return {**request, "prefetch": {**request["prefetch"], "conditions": held}}


def seen(client: Any, request: dict[str, Any]) -> list[tuple[str, str]]:
    answer = client.post(f"/cds-services/cramp-{request['hook']}", json=request)
    assert answer.status_code == 200
    return [(card["indicator"], card["detail"]) for card in answer.get_json()["cards"]]


# --- the command


@pytest.fixture
def stub(socket_enabled: None) -> Iterator[Stub]:
    roots = expansion_roots(read_tables(CARDS / "shared").conditions)
    with running(Stub({root: (CHILD,) if root == ROOT else () for root in roots})) as found:
        yield found


def run(stub: Stub, data: Path, *words: str, code: int = 0) -> Any:
    answer = CliRunner().invoke(main, ["terminology", "expand", "--server", stub.address, "--data", str(data), *words])
    assert answer.exit_code == code, answer.output
    return answer


@pytest.mark.loopback
def test_the_command_asks_for_every_root_once_and_keeps_the_answer(stub: Stub, tmp_path: Path) -> None:
    told = json.loads(run(stub, tmp_path / "data", "--json").stdout)
    assert len(stub.asked) == len(stub.children) == told["roots"]
    content = json.loads((tmp_path / "data" / EXPANSIONS).read_text())
    assert (content["version"], content["server"], content["sha256"]) == (EDITION, stub.address, told["sha256"])
    assert content["descendants"][ROOT]["codes"] == [CHILD]
    assert concepts(load_library(CARDS, tmp_path / "data"), CHILD)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.loopback
def test_the_summary_for_people(stub: Stub, tmp_path: Path) -> None:
    answer = run(stub, tmp_path)
    assert "descendants" in answer.stdout
    assert f"Written: {tmp_path / EXPANSIONS}, 1 codes" in answer.stderr


@pytest.mark.loopback
def test_a_failure_half_way_writes_nothing_and_keeps_what_was_there(stub: Stub, tmp_path: Path) -> None:
    run(stub, tmp_path)
    before = (tmp_path / EXPANSIONS).read_bytes()
    stub.odd = lambda _: outcome(500, "out of memory") if len(stub.asked) % 50 == 0 else None
    said = run(stub, tmp_path, code=4).stderr
    assert "500: out of memory" in said
    assert "Nothing was written" in said
    assert [path.name for path in (tmp_path / EXPANSIONS).parent.iterdir()] == [EXPANSIONS.name]
    assert (tmp_path / EXPANSIONS).read_bytes() == before


@pytest.mark.loopback
def test_a_root_without_an_answer_is_refused_unless_accepted(stub: Stub, tmp_path: Path) -> None:
    stub.children = {root: codes for root, codes in stub.children.items() if root != ROOT}
    assert ROOT in run(stub, tmp_path, code=1).stderr
    assert not (tmp_path / EXPANSIONS).exists()
    assert json.loads(run(stub, tmp_path, "--accept-missing", "--json").stdout)["missing"] == [ROOT]


@pytest.mark.loopback
def test_a_server_that_is_not_there(socket_enabled: None, tmp_path: Path) -> None:
    assert "cannot be reached" in run(Stub({}, address="http://127.0.0.1:1"), tmp_path, code=4).stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_use(tmp_path: Path) -> None:
    assert "--server" in run(Stub({}, address="nonsense"), tmp_path, code=2).stderr
    assert "--system-version" in run(Stub({}, address="http://x"), tmp_path, "--system-version", "1", code=2).stderr
    assert "cannot be read" in run(Stub({}, address="http://x"), tmp_path, "--cards", str(tmp_path), code=3).stderr


def test_check_shows_the_coverage_with_the_expansion(tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    shutil.copytree(CARDS / "shared", cards / "shared")
    environ = {"CDS_DATA_DIR": str(kept(tmp_path / "data", r66760008=(CHILD,)))}
    answer = CliRunner().invoke(main, ["check", "--cards", str(cards), "--coverage"], env=environ)
    assert "codes for each condition" in answer.stdout
    said = json.loads(CliRunner().invoke(main, ["check", "--cards", str(cards), "--json"], env=environ).stdout)
    assert [one["expanded"] for one in said["coverage"]].count(0) < len(said["coverage"])


def test_the_commands_look_where_the_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CDS_DATA_DIR", raising=False)
    assert data_folder() == Settings().data_dir
    monkeypatch.setenv("CDS_DATA_DIR", "elsewhere")
    assert data_folder() == Settings.load({"CDS_DATA_DIR": "elsewhere"}).data_dir
