"""The bill of materials (CycloneDX 1.6) of requirements.lock: `python deploy/sbom.py > deploy/sbom.json`.

The same lock file gives the same bytes: no time, no place, no name of a machine or an index. Nothing but the standard
library is needed. Hashes of the files stand in the lock file.
"""

import json
import re
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).resolve().parents[1]
LOCK, PROJECT = ROOT / "requirements.lock", ROOT / "pyproject.toml"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?: *; *([^\\\n]*?))?(?= *\\?$)", re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as package URLs write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """The bill of a lock file's text, for a project as pyproject.toml describes it."""
    packages = [_component(*pin) for pin in _PIN.findall(lock)]
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


def _component(name: str, version: str, marker: str) -> dict[str, Any]:
    """One locked package; a package for some machines only says for which."""
    purl = f"pkg:pypi/{normal(name)}@{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": normal(name), "version": version, "purl": purl}
    return found | ({"properties": [{"name": "python:marker", "value": marker}]} if marker else {})


if __name__ == "__main__":
    made = bill(LOCK.read_text(encoding="utf-8"), tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"])
    sys.stdout.write(json.dumps(made, indent=1) + "\n")
