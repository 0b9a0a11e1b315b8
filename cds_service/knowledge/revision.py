"""The revision of a library: a SHA-256 over what its files say, not over how they are laid out."""

import hashlib
import json
from pathlib import Path

from cds_service.knowledge.strict_yaml import read_yaml

# What shapes an answer. Test patients and notes for authors do not, generated schemas neither.
SUFFIXES = (".yaml", ".md", ".json", ".csv")
LEFT_OUT = ("vignettes.yaml", "README.md", "manifest.json")
NOT_KNOWLEDGE = ("schema", "sources")


def revision_of(folder: Path, expansion: str = "") -> str:
    """`sha256:` and the digest over path and canonical content of every file that shapes an answer, in path order.

    `expansion` is the digest of the descendants a site has added, "" without any.

    Comments, key order, quoting and line ends do not change it; any word, number or code does.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if _counts(path.relative_to(folder))):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(canonical(path)).digest())
    digest.update(expansion.encode())
    return f"sha256:{digest.hexdigest()}"


def _counts(path: Path) -> bool:
    return path.suffix in SUFFIXES and path.name not in LEFT_OUT and not set(NOT_KNOWLEDGE) & set(path.parts)


def canonical(path: Path) -> bytes:
    """What a file says, in one form: YAML and JSON as sorted JSON, text with plain line ends."""
    if path.suffix == ".yaml":
        return _sorted(read_yaml(path, path.name).value)
    if path.suffix == ".json":
        return _sorted(json.loads(path.read_text(encoding="utf-8")))
    return path.read_text(encoding="utf-8").strip().encode()


def _sorted(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
