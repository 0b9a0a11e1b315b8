"""The lock files and the bill of materials: every package pinned with hashes, in range, under licences we may pass on."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BILL = ROOT / "deploy" / "sbom.json"
RUN, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# Permissive ones, and certifi's MPL-2.0 (a file of certificates).
ALLOWED = {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "MPL-2.0", "BSD license"}
ALLOWED_CLASSIFIERS = {"MIT License", "BSD License", "Apache Software License"}


def entries(path: Path) -> list[tuple[Requirement, list[str]]]:
    """Each package of a lock file with its hashes; a line that is anything else fails."""
    joined = path.read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in joined.splitlines():
        if line.startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+(?=--hash)", line.strip())
        assert all(HASH.fullmatch(each) for each in hashes), line[:80]
        found.append((Requirement(requirement), hashes))
    return found


def wanted(*groups: str) -> list[Requirement]:
    extras = [line for group in groups for line in PROJECT["optional-dependencies"][group]]
    listed = [Requirement(line) for line in [*PROJECT["dependencies"], *extras]]
    return [each for each in listed if each.name != PROJECT["name"]]


@pytest.mark.parametrize(("path", "groups"), [(RUN, ()), (DEV, ("redis", "postgres", "dev"))])
def test_every_dependency_is_locked_inside_its_range(path: Path, groups: tuple[str, ...]) -> None:
    locked: dict[str, list[str]] = {}
    for requirement, _ in entries(path):
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        locked.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    for each in wanted(*groups):
        versions = locked.get(canonicalize_name(each.name), [])
        assert versions, f"{each.name} is not in {path.name}"
        assert all(each.specifier.contains(version) for version in versions), f"{each}: {versions} in {path.name}"


@pytest.mark.parametrize("path", [RUN, DEV])
def test_every_package_has_hashes_and_nothing_names_a_host(path: Path) -> None:
    assert len(entries(path)) > 30
    assert [str(requirement) for requirement, hashes in entries(path) if not hashes] == []
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"://|index-url|find-links|trusted-host|file:|\s-e\s|\s@\s", text) == []


def test_what_runs_is_locked_alike_for_the_tests() -> None:
    assert {str(requirement) for requirement, _ in entries(RUN)} <= {
        str(requirement) for requirement, _ in entries(DEV)
    }


def licences(name: str) -> set[str]:
    """What a package says of its licence; alternatives ("A OR B") count each."""
    said = metadata(name)
    text = said.get("License-Expression") or said.get("License") or ""
    if text:
        return set(text.split(" OR "))
    return {line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License ::")}


def test_the_licence_of_what_runs_is_on_the_list() -> None:
    looked = 0
    for requirement, _ in entries(RUN):
        try:
            found = licences(requirement.name)
        except PackageNotFoundError:
            assert requirement.marker, f"{requirement.name} is locked and not installed"
            continue
        looked += 1
        assert found & (ALLOWED | ALLOWED_CLASSIFIERS), f"{requirement.name}: {found or 'says nothing of its licence'}"
    assert looked > 30


# --- the bill of materials


def test_the_bill_lists_exactly_what_is_locked() -> None:
    found = json.loads(BILL.read_text(encoding="utf-8"))
    listed = {(each["name"], each["version"], each["purl"]) for each in found["components"]}
    locked = {(canonicalize_name(each.name), next(iter(each.specifier)).version) for each, _ in entries(RUN)}
    assert listed == {(name, version, f"pkg:pypi/{name}@{version}") for name, version in locked}
    assert len(found["components"]) == len(entries(RUN))
    application = found["metadata"]["component"]
    assert (application["name"], application["version"]) == (PROJECT["name"], PROJECT["version"])
    (direct,) = found["dependencies"]
    assert {ref.split("/")[1].split("@")[0] for ref in direct["dependsOn"]} == {
        canonicalize_name(each.name) for each in wanted()
    }


def test_the_bill_is_what_its_command_makes_and_says_nothing_of_when_and_where() -> None:
    text = BILL.read_text(encoding="utf-8")
    made = subprocess.run([sys.executable, "deploy/sbom.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert made.stdout == text, "make it anew: python deploy/sbom.py --write"
    assert re.findall(r"\w+://[^\"]+", text) == ["http://cyclonedx.org/schema/bom-1.6.schema.json"]
    assert "timestamp" not in text
    assert not re.search(r"\d{4}-\d\d-\d\dT", text)


def test_every_component_names_its_licence_or_says_that_it_was_not_read() -> None:
    for each in json.loads(BILL.read_text(encoding="utf-8"))["components"]:
        said = {one["name"]: one["value"] for one in each.get("properties", ())}
        if "licenses" not in each:
            assert said["licence"].startswith("not read: ")
            assert "python:marker" in said, f"{each['name']} is for every machine, so its licence can be read"
            continue
        assert "licence" not in said
        words = {
            one.get("expression") or one["license"].get("id") or one["license"]["name"] for one in each["licenses"]
        }
        named = {alternative for word in words for alternative in word.split(" OR ")}
        assert named & (ALLOWED | ALLOWED_CLASSIFIERS), f"{each['name']}: {named}"


@pytest.mark.parametrize(
    ("metadata_of_it", "found"),
    [
        ("License-Expression: MIT\nLicense: BSD", [{"license": {"id": "MIT"}}]),
        ("License-Expression: MIT OR Apache-2.0", [{"expression": "MIT OR Apache-2.0"}]),
        ("License: BSD-3-Clause", [{"license": {"id": "BSD-3-Clause"}}]),
        ("License: BSD license", [{"license": {"name": "BSD license"}}]),
        (
            "License: a whole\n  text\nClassifier: License :: OSI Approved :: MIT License",
            [{"license": {"name": "MIT License"}}],
        ),
        ("Classifier: License :: OSI Approved :: BSD License", [{"license": {"name": "BSD License"}}]),
        ("Classifier: Programming Language :: Python", []),
    ],
)
def test_how_a_licence_is_read(
    metadata_of_it: str, found: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sample-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: sample\nVersion: 1.0\n{metadata_of_it}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sbom = runpy.run_path(str(ROOT / "deploy" / "sbom.py"))
    assert sbom["licences"]("sample", "1.0") == found
    assert sbom["licences"]("sample", "1.1") == []
    project = {"name": "x", "version": "1", "license": "MIT", "dependencies": []}
    kept = {"pkg:pypi/sample@1.1": [{"license": {"id": "ISC"}}]}
    (newer,) = sbom["bill"]("sample==1.1 \\\n", project, kept)["components"]
    assert newer["licenses"] == [{"license": {"id": "ISC"}}]
    (never,) = sbom["bill"]("sample==1.2 \\\n", project, kept)["components"]
    assert never["properties"][0]["value"].startswith("not read: ")


# --- a changed file is not installed


@pytest.mark.parametrize("changed", [False, True])
def test_a_package_with_one_byte_changed_is_refused(tmp_path: Path, changed: bool) -> None:
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("sample.py", "X = 1\n")
        archive.writestr("sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
        archive.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("sample-1.0.dist-info/RECORD", "")
    (tmp_path / "lock").write_text(f"sample==1.0 --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n")
    if changed:
        held = wheel.read_bytes()
        wheel.write_bytes(held.replace(b"X = 1", b"X = 2"))
    command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-index", "--no-deps", "--quiet"]
    places = ["--find-links", str(tmp_path), "--target", str(tmp_path / "there"), "-r", str(tmp_path / "lock")]
    ended = subprocess.run([*command, *places], capture_output=True, text=True)
    assert (ended.returncode != 0) == changed, ended.stderr
    assert ("DO NOT MATCH THE HASHES" in ended.stderr) == changed
    assert (tmp_path / "there" / "sample.py").exists() != changed
