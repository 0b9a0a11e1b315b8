"""The bill of materials (CycloneDX 1.6) of requirements.lock: `python deploy/sbom.py --write`.

No time, no place, no name of a machine or an index. Nothing but the standard library is needed. Hashes of the files
stand in the lock file. Licences are what the packages say of themselves where this runs. One that is not installed in
the locked version keeps what the present bill says of that version, else it says that its licence was not read: so the
same lock file gives the same bytes, also beside newer packages.
"""

import json
import re
import sys
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).resolve().parents[1]
LOCK, PROJECT, BILL = ROOT / "requirements.lock", ROOT / "pyproject.toml", ROOT / "deploy" / "sbom.json"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?: *; *([^\\\n]*?))?(?= *\\?$)", re.MULTILINE)
# Words of a metadata field "License" that are identifiers of SPDX; others are names that somebody gave.
_SPDX = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}
)
_NOT_READ = {"name": "licence", "value": "not read: this version was not installed where the bill was made"}
Licences = list[dict[str, Any]]


def normal(name: str) -> str:
    """A package's name as package URLs write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bill(lock: str, project: dict[str, Any], known: Mapping[str, Licences]) -> dict[str, Any]:
    """The bill of a lock file's text, for a project as pyproject.toml describes it. `known`: licences by purl."""
    packages = [_component(*pin, known) for pin in _PIN.findall(lock)]
    root = f"pkg:pypi/{project['name']}@{project['version']}"
    direct = {normal(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in project["dependencies"]}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, sha256((root + lock).encode()).hexdigest())}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project["name"],
                "version": project["version"],
                "purl": root,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": packages,
        "dependencies": [
            {"ref": root, "dependsOn": [each["bom-ref"] for each in packages if each["name"] in direct]},
        ],
    }


def _component(name: str, version: str, marker: str, known: Mapping[str, Licences]) -> dict[str, Any]:
    """One locked package with its licences; a package for some machines only says for which."""
    purl = f"pkg:pypi/{normal(name)}@{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": normal(name), "version": version}
    properties = [{"name": "python:marker", "value": marker}] if marker else []
    if said := licences(name, version) or known.get(purl):
        found["licenses"] = said
    else:
        properties.append(_NOT_READ)
    return {**found, "purl": purl, **({"properties": properties} if properties else {})}


def licences(name: str, version: str) -> Licences:
    """What an installed package of this version says of its licence, as CycloneDX writes it; empty for nothing."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return []
    if said["Version"] != version:
        return []
    expression, free = said.get("License-Expression"), (said.get("License") or "").strip()
    if expression:
        return [{"expression": expression}] if " " in expression else [{"license": {"id": expression}}]
    if free and "\n" not in free:  # some put the whole text there
        return [{"license": {"id" if free in _SPDX else "name": free}}]
    listed = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License :: ")]
    return [{"license": {"name": one}} for one in listed]


def held(path: Path) -> dict[str, Licences]:
    """The licences that a bill names already, by purl; none where there is no bill."""
    listed = json.loads(path.read_text(encoding="utf-8"))["components"] if path.exists() else []
    return {each["purl"]: each["licenses"] for each in listed if "licenses" in each}


if __name__ == "__main__":
    described = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    made = json.dumps(bill(LOCK.read_text(encoding="utf-8"), described, held(BILL)), indent=1) + "\n"
    if sys.argv[1:] == ["--write"]:
        BILL.write_text(made, encoding="utf-8")
    else:
        sys.stdout.write(made)
