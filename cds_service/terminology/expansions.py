"""Descendants of the listed roots, as a site has asked a terminology server for them.

The file is made by `cramp-cds terminology expand`. It lies in the data folder and never in the library: what it holds
is the site's licence.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cds_service.terminology.check_digits import snomed_is_valid
from cds_service.terminology.tables import ConditionCode

# Where the file lies in the data folder.
EXPANSIONS = Path("terminology/expansions.json")
_FORMAT = 1
_TEXTS = ("system", "server", "asked_version", "version", "date")


@dataclass(frozen=True, slots=True)
class Expansion:
    """The descendants of each root (itself left out), and where they come from.

    `version` is the edition the server said it used, `asked_version` the one it was asked for; "" when not said.
    """

    system: str
    server: str
    asked_version: str
    version: str
    date: str
    descendants: Mapping[str, tuple[str, ...]]

    @property
    def sha256(self) -> str:
        """The digest over what shapes an answer: system, roots and codes. Server and date do not."""
        said = json.dumps([self.system, sorted(self.descendants.items())], separators=(",", ":"))
        return sha256(said.encode()).hexdigest()

    @property
    def count(self) -> int:
        """How many different codes it holds."""
        return len({code for codes in self.descendants.values() for code in codes})


def expansion_roots(rows: Iterable[ConditionCode], system: str = "snomed") -> dict[str, tuple[str, ...]]:
    """Root code -> the concepts that take its descendants, both sorted."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.root and row.system == system:
            found.setdefault(row.code, set()).add(row.concept)
    return {code: tuple(sorted(found[code])) for code in sorted(found)}


def expanded(rows: Sequence[ConditionCode], expansion: Expansion) -> tuple[ConditionCode, ...]:
    """The rows and one for each descendant, with the use of its root; a code listed for a concept keeps its own row."""
    listed = {(row.concept, row.system, row.code) for row in rows}
    added = {
        (row.concept, code): row._replace(code=code, note=f"descendant of {row.code}", display="", root="")
        for row in rows
        if row.root and row.system == expansion.system
        for code in expansion.descendants.get(row.code, ())
        if (row.concept, row.system, code) not in listed
    }
    return (*rows, *added.values())


def expansion_text(expansion: Expansion, concepts: Mapping[str, Sequence[str]]) -> str:
    """The file, as text; `concepts` says for people what each root stands for."""
    told = {name: getattr(expansion, name) for name in _TEXTS}
    found = {
        root: {"concepts": list(concepts.get(root, ())), "codes": list(codes)}
        for root, codes in sorted(expansion.descendants.items())
    }
    content = {"format": _FORMAT, **told, "sha256": expansion.sha256, "descendants": found}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_expansion(path: Path) -> Expansion | None:
    """The expansion of a file, None when there is none. Raises OSError, or ValueError with a sentence for a bad one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise _bad(path, "is not UTF-8 text") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(path, "is not JSON") from None
    found = _expansion(content, path)
    if content.get("sha256") != found.sha256:
        raise _bad(path, "was changed after it was written: its sha256 does not fit its codes")
    return found


def _expansion(content: object, path: Path) -> Expansion:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _bad(path, f"is not an expansion of format {_FORMAT}")
    told = {name: text for name in _TEXTS if isinstance(text := content.get(name), str)}
    held = content.get("descendants")
    if len(told) < len(_TEXTS) or not isinstance(held, dict):
        raise _bad(path, f"lacks one of {', '.join(_TEXTS)}, descendants")
    return Expansion(**told, descendants={root: _codes(entry, path) for root, entry in held.items()})


def _codes(entry: object, path: Path) -> tuple[str, ...]:
    codes = entry.get("codes") if isinstance(entry, dict) else None
    if not isinstance(codes, list) or not all(isinstance(code, str) and snomed_is_valid(code) for code in codes):
        raise _bad(path, "holds what is no list of valid codes")
    return tuple(codes)


def _bad(path: Path, why: str) -> ValueError:
    return ValueError(f"{path} {why}; make it again with cramp-cds terminology expand, or delete it.")
