"""A place in a library file: its value and where it stands, read with sentences for everything unexpected."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from cds_service.knowledge.faults import Fault, LibraryError, not_one_of
from cds_service.knowledge.strict_yaml import Document, Steps


@dataclass(frozen=True, slots=True)
class Spot:
    """A value of a document at `path`. Every reader below raises `LibraryError` naming file and line."""

    document: Document
    value: object
    path: Steps = ()

    def fault(self, message: str) -> NoReturn:
        """Refuse this value with a sentence."""
        raise LibraryError([Fault(self.document.file, self.document.line(self.path), message)])

    @property
    def name(self) -> str:
        """The last word of the path, for messages."""
        return str(self.path[-1]) if self.path else "the file"

    def at(self, step: str | int, value: object) -> "Spot":
        """The spot one step further in."""
        return Spot(self.document, value, (*self.path, step))

    def mapping(self, required: Iterable[str] = (), optional: Iterable[str] | None = None) -> "dict[str, Spot]":
        """The members by key. `optional=None` allows any key; otherwise an unknown key is refused."""
        if not isinstance(self.value, Mapping):
            self.fault(f"{self.name} must be a mapping of keys, found {_kind(self.value)}")
        required = tuple(required)
        if optional is not None:
            self._refuse_unknown(self.value, {*required, *optional})
        for key in required:
            if key not in self.value:
                self.fault(f'{self.name} lacks the key "{key}"')
        return {str(key): self.at(str(key), value) for key, value in self.value.items()}

    def _refuse_unknown(self, keys: Iterable[object], allowed: set[str]) -> None:
        for key in keys:
            if key not in allowed:
                self.at(str(key), None).fault(not_one_of("the key", key, allowed))

    def items(self) -> "list[Spot]":
        """The entries of a list."""
        if not isinstance(self.value, list):
            self.fault(f"{self.name} must be a list, found {_kind(self.value)}")
        return [self.at(index, entry) for index, entry in enumerate(self.value)]

    def one_or_more(self) -> "list[Spot]":
        """The entries of a list, or the single value itself."""
        return self.items() if isinstance(self.value, list) else [self]

    def text(self) -> str:
        """A non-empty text."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fault(f"{self.name} must be a text, found {_kind(self.value)}")
        return self.value

    def text_or_empty(self) -> str:
        """A text that may be empty."""
        if not isinstance(self.value, str):
            self.fault(f"{self.name} must be a text, found {_kind(self.value)}")
        return self.value

    def choice(self, kind: str, allowed: Iterable[str]) -> str:
        """A word out of a closed list."""
        words = tuple(allowed)
        if not isinstance(self.value, str) or self.value not in words:
            self.fault(not_one_of(kind, self.value, words))
        return self.value

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.fault(f"{self.name} must be a number, found {_kind(self.value)}")
        return float(self.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.fault(f"{self.name} must be true or false, found {_kind(self.value)}")
        return self.value

    def true(self) -> None:
        """The word true and nothing else (a fact that is written `new_start: true`)."""
        if self.value is not True:
            self.fault(f"{self.name} is written with true only, found {_kind(self.value)}")


def whole(document: Document) -> Spot:
    """The spot of a whole document."""
    return Spot(document, document.value)


def walk(spot: Spot) -> Iterator[Spot]:
    """Every scalar below a spot."""
    if isinstance(spot.value, Mapping):
        for key, value in spot.value.items():
            yield from walk(spot.at(str(key), value))
    elif isinstance(spot.value, list):
        for index, value in enumerate(spot.value):
            yield from walk(spot.at(index, value))
    else:
        yield spot


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if value else "an empty text"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else str(value)
