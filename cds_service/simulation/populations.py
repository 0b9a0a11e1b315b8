"""Files of FHIR patients, plain or packed: Bundles and bulk exports, taken apart patient by patient."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import msgspec

SUFFIXES = (".json", ".json.gz", ".ndjson", ".ndjson.gz")
# What an order or a result points to, in resources that belong to no patient themselves.
_POINTERS = ("medicationReference", "specimen")

Json = dict[str, Any]


class Place(NamedTuple):
    """Where something stands; line 0 means the whole file or folder."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


class Case(NamedTuple):
    """One patient: the id a call names, and the Bundle entries about this person with what they refer to."""

    place: Place
    patient: str
    entries: tuple[Json, ...]


class Skipped(NamedTuple):
    """Something that holds no patient, and why."""

    place: Place
    reason: str


def cases(path: Path, advanced: Callable[[int], object] = int) -> Iterator[Case | Skipped]:
    """Every patient below a folder or in a file; `advanced` is told how many more bytes of files were read.

    A Bundle is a case for each of its patients, Bundles inside it included. Resources outside a Bundle, as a bulk
    export writes them, count together with the others of their folder.
    """
    for folder, files in groupby(files_of(path), key=lambda file: file.parent):
        loose: list[Json] = []
        for file in files:
            yield from _of_file(file, loose, advanced)
        if loose:
            yield from patients_of(loose, Place(folder, 0))


def files_of(path: Path) -> list[Path]:
    """The files below a folder in the order of their folders and names; a file is itself alone."""
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(found, key=lambda file: (file.parent, file.name))


def _of_file(file: Path, loose: list[Json], advanced: Callable[[int], object]) -> Iterator[Case | Skipped]:
    if not file.name.lower().endswith(SUFFIXES):
        yield Skipped(Place(file, 0), "neither .json nor .ndjson (or these as .gz)")
        return
    try:
        for line, text in _texts(file, advanced):
            yield from _of_text(text, Place(file, line), loose)
    except (OSError, EOFError, zlib.error) as error:
        yield Skipped(Place(file, 0), f"cannot be read ({type(error).__name__})")


def _texts(file: Path, advanced: Callable[[int], object]) -> Iterator[tuple[int, bytes]]:
    """The JSON texts of a file with their line: every line of an .ndjson file, a .json file as a whole."""
    name, read = file.name.lower(), 0
    with file.open("rb") as packed:
        held = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if name.endswith(".gz") else packed
        for line, text in enumerate(held if ".ndjson" in name else [held.read()], start=1):
            if text.strip():
                yield line, text.removeprefix(b"\xef\xbb\xbf")
            advanced(packed.tell() - read)
            read = packed.tell()


def _of_text(text: bytes, place: Place, loose: list[Json]) -> Iterator[Case | Skipped]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        yield Skipped(place, "not JSON")
        return
    for content in found if isinstance(found, list) else [found]:
        kind = content.get("resourceType") if isinstance(content, dict) else None
        if kind == "Bundle":
            yield from patients_of(list(entries_of(content)), place)
        elif isinstance(kind, str):
            loose.append({"resource": content})
        else:
            yield Skipped(place, "not a FHIR resource")


def entries_of(bundle: Json) -> Iterator[Json]:
    """The entries of a Bundle that hold a resource, those of Bundles inside it included."""
    held = bundle.get("entry")
    for entry in held if isinstance(held, list) else [held]:
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
            continue
        if entry["resource"].get("resourceType") == "Bundle":
            yield from entries_of(entry["resource"])
        else:
            yield entry


def patients_of(entries: list[Json], place: Place) -> Iterator[Case | Skipped]:
    """A case for each patient of some entries.

    What says that it belongs to nobody is the patient's where there is only one, and left out where there are several.
    """
    own: dict[str, list[Json]] = {}
    for entry in entries:
        if patient := _identity(entry):
            own.setdefault(patient, [entry])
    if not own:
        yield Skipped(place, "no Patient with an id or a full URL")
        return
    keys = {
        _key(name): patient for patient, mine in own.items() for name in (patient, _text(mine[0], "fullUrl")) if name
    }
    nobodys: list[Json] = []
    for entry in entries:
        if entry["resource"].get("resourceType") == "Patient":
            continue
        pointer = subject_of(entry["resource"])
        if not pointer:
            nobodys.append(entry)
        elif owner := keys.get(_patient_key(pointer)):
            own[owner].append(entry)
    referred = _by_key(nobodys)
    for patient, mine in own.items():
        yield Case(place, patient, (*mine, *(nobodys if len(own) == 1 else _referred(mine, referred))))


def _identity(entry: Json) -> str:
    """What a call names this patient: the id, else the full URL of the entry; "" for what is no patient."""
    resource = entry["resource"]
    if resource.get("resourceType") != "Patient":
        return ""
    return _text(resource, "id").strip() or _text(entry, "fullUrl").strip()


def subject_of(resource: Json) -> str:
    """The reference to whom a resource is about; "" where it does not say so by a reference to another resource."""
    pointer = resource.get("subject") or resource.get("patient")
    reference = _text(pointer, "reference") if isinstance(pointer, dict) else ""
    return "" if reference.startswith("#") else reference


def _by_key(entries: list[Json]) -> dict[str, Json]:
    found = {_key(_text(entry, "fullUrl")): entry for entry in entries}
    found |= {_key(_text(entry["resource"], "id")): entry for entry in entries}
    found.pop("", None)
    return found


def _referred(entries: list[Json], held: dict[str, Json]) -> Iterator[Json]:
    """The resources that some entries point to, each once."""
    pointers = (entry["resource"].get(name) for entry in entries for name in _POINTERS)
    keys = dict.fromkeys(_key(_text(pointer, "reference")) for pointer in pointers if isinstance(pointer, dict))
    return (held[key] for key in keys if key in held)


def _patient_key(reference: str) -> str:
    """The key of a reference to a patient; "" for one to a group, a device or anything else."""
    parts = reference.split("/_history/", 1)[0].split("/")
    return _key(reference) if len(parts) == 1 or parts[-2] == "Patient" else ""


def _key(reference: str) -> str:
    """The last part of a reference, a full URL or an id: what all of them have in common."""
    plain = reference.strip().split("/_history/", 1)[0].rstrip("/")
    return plain.rsplit("/", 1)[-1].removeprefix("urn:uuid:")


def _text(found: Json, name: str) -> str:
    text = found.get(name)
    return text if isinstance(text, str) else ""
