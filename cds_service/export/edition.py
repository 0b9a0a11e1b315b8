"""What is published: one library for one region under one base address, and the metadata every resource shares."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.knowledge.card import Card
from cds_service.knowledge.library import Library
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import read_yaml
from cds_service.terminology import Tables, read_tables

Json = dict[str, Any]
# Reserved by RFC 2606: nobody publishes there. Whoever publishes a package names an address of their own.
DEFAULT_BASE = "https://cramp-cds.example.org/fhir"
COPYRIGHT = (
    "Code and cards: Apache License, Version 2.0. The codes of other terminologies keep their own terms, "
    "which each ValueSet names."
)
_BASE = re.compile(r"https?://[^\s/?#|@]+(/[^\s?#|]*)?\Z")
_COUNTRIES = {"us": "US", "uk": "GB", "de": "DE"}
_SHOWN_OF_REVISION = 12


class AddressError(Exception):
    """The base address cannot begin a canonical URL."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A library as it stands in one region. `listed` holds the readable lists of `shared/` by file name."""

    library: Library
    folder: Path
    region: str
    region_title: str
    base: str
    tables: Tables
    listed: Mapping[str, Mapping[str, Any]]

    @property
    def cards(self) -> tuple[Card, ...]:
        """The cards of the region, by id."""
        return tuple(sorted(self.library.regions[self.region], key=lambda card: card.id))

    @property
    def references(self) -> References:
        """Everything the cards share."""
        return self.library.references

    @property
    def version(self) -> str:
        """The version of what the cards share: that of the library with the beginning of its revision."""
        digest = self.library.revision.partition(":")[2]
        return f"{self.library.version}+{digest[:_SHOWN_OF_REVISION]}"

    @property
    def status(self) -> str:
        """`active` when every card in use is; else `draft`."""
        used = {card.status for card in self.cards} - {"retired"}
        return "active" if used == {"active"} else "draft"

    def canonical(self, kind: str, name: str) -> str:
        """The canonical URL of a resource of this edition."""
        return f"{self.base}/{self.region}/{kind}/{name}"

    def heading(self, kind: str, name: str, title: str) -> Json:
        """The metadata of a resource; the edition's version and status, which a card replaces by its own."""
        return {
            "resourceType": kind,
            "id": name,
            "url": self.canonical(kind, name),
            "version": self.version,
            "name": computable(name),
            "title": title,
            "status": self.status,
            "experimental": self.status != "active",
            "publisher": self.references.attributes.statements["developer"].text,
            "jurisdiction": [self._jurisdiction()],
        }

    def _jurisdiction(self) -> Json:
        country = _COUNTRIES.get(self.region)
        coding = {"coding": [{"system": "urn:iso:std:iso:3166", "code": country}]} if country else {}
        return {**coding, "text": self.region_title}


def read_edition(library: Library, folder: Path, region: str, base: str = DEFAULT_BASE) -> Edition:
    """The edition of the library in `folder` for a region. Raises `AddressError`; KeyError for an unknown region."""
    if not _BASE.match(base):
        raise AddressError(
            f'The base address "{base}" is not an absolute http or https address without user, query or fragment.'
        )
    shared = folder / "shared"
    names = ("regions.yaml", "drugs/classes.yaml", "conditions.yaml")
    listed = {name: _listed(shared, name) for name in names}
    title = str(listed["regions.yaml"][region]["title"])
    return Edition(library, folder, region, title, base.rstrip("/"), read_tables(shared), listed)


def _listed(shared: Path, name: str) -> Mapping[str, Any]:
    return {key: spot.value for key, spot in whole(read_yaml(shared / name, f"shared/{name}")).mapping().items()}


def computable(name: str) -> str:
    """A name as programs like it: `PascalCase` from words joined by hyphens (constraint `-0` of R4 definitions)."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name))
