"""Reading `shared/source-attributes.yaml`: what holds for the source of every card, what of a person may be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import TRAITS, Trait

FILE = "shared/source-attributes.yaml"
STATEMENTS = ("developer", "funding", "owner", "intended_users", "out_of_scope", "basis_of_windows")


class Statement(NamedTuple):
    """What is said, and what somebody must still confirm of it ("" = nothing); `line` is where it stands."""

    text: str
    to_confirm: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class SharedAttributes:
    """The shared file. `never_used` gives the line of each trait no card may rest on; `used` how the others are."""

    statements: Mapping[str, Statement]
    never_used: Mapping[Trait, int]
    used: Mapping[Trait, str]


NO_ATTRIBUTES = SharedAttributes({}, {}, {})


def read_attributes(spot: Spot) -> SharedAttributes:
    """The file, checked: every statement is there, every trait stands in exactly one of the two lists.

    Raises `LibraryError`.
    """
    members = spot.mapping(["statements", "never_used", "used"], ())
    said = members["statements"].mapping(STATEMENTS, ())
    never = {_trait(entry): entry.document.line(entry.path) for entry in members["never_used"].items()}
    used = {_trait(entry.at(name, name)): entry.text() for name, entry in members["used"].mapping().items()}
    for trait in TRAITS:
        if (trait in never) == (trait in used):
            found = "both" if trait in used else "neither"
            members["used"].fault(f"{trait} must stand under never_used or under used, found under {found}")
    return SharedAttributes({name: _statement(entry) for name, entry in said.items()}, never, used)


def _statement(spot: Spot) -> Statement:
    members = spot.mapping(["text"], ["to_confirm"])
    to_confirm = members["to_confirm"].text() if "to_confirm" in members else ""
    return Statement(members["text"].text(), to_confirm, spot.document.line(spot.path))


def _trait(spot: Spot) -> Trait:
    return trait_named(spot, spot.value)


def trait_named(spot: Spot, name: object) -> Trait:
    """The trait of that name; refuses any other with the names allowed."""
    found = next((trait for trait in TRAITS if trait == name), None)
    return found or spot.fault(not_one_of("what may be used of a person", name, TRAITS))
