"""Reading the file of clients: every fault is a sentence with file and line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cds_service.knowledge.faults import Fault, LibraryError, not_one_of
from cds_service.knowledge.strict_yaml import Document, Steps, read_yaml
from cds_service.trust.clients import PUBLIC_SANDBOX, Client, Clients
from cds_service.trust.keys import Key, KeyFault, read_key, read_keys
from cds_service.trust.refusals import ConfigurationError

if TYPE_CHECKING:
    from jsonschema import ValidationError

_LISTS = ("algorithms", "fhir_bases", "cors_origins")


def load_clients(path: Path, sandbox: bool) -> Clients:
    """The clients of a file. Raises `ConfigurationError` with every fault.

    Outside the sandbox neither plain http addresses nor the issuer of the public CDS Hooks sandbox, whose private
    key everybody can read, are taken.
    """
    try:
        document = read_yaml(path, path.name)
    except LibraryError as error:
        raise ConfigurationError([f"{fault}." for fault in error.faults]) from None
    except RecursionError:
        raise ConfigurationError([f"{path.name}: is nested too deeply."]) from None
    faults = list(_shape_faults(document))
    if faults:
        raise ConfigurationError(_said(faults))
    entries = _entries(document)
    faults = [*_doubles(document, entries), *([] if sandbox else _sandbox_only(document, entries))]
    clients = [_client(document, number, entry, path.parent, faults) for number, entry in enumerate(entries)]
    if faults:
        raise ConfigurationError(_said(faults))
    return Clients(tuple(clients))


def _said(faults: Sequence[Fault]) -> list[str]:
    return [f"{fault}." for fault in sorted(set(faults))]


def _entries(document: Document) -> list[dict[str, Any]]:
    """The entries of a file whose shape was found good."""
    return cast("dict[str, list[dict[str, Any]]]", document.value)["clients"]


def clients_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    text = files("cds_service.trust").joinpath("schemas/clients.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _shape_faults(document: Document) -> Iterator[Fault]:
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(clients_schema()).iter_errors(document.value):
        place: Steps = tuple(error.absolute_path)
        for steps, sentence in _sentences(error, place):
            yield Fault(document.file, document.line(steps), sentence)


def _sentences(error: "ValidationError", place: Steps) -> Iterator[tuple[Steps, str]]:
    """A fault of shape in words. Values are not repeated: one of them may be a private key put here by mistake."""
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    found: Any = error.instance
    name = ".".join(str(step) for step in place) or "the file"
    if error.validator == "additionalProperties":
        allowed = schema["properties"]
        for key in sorted(set(found) - set(allowed)):
            yield (*place, key), not_one_of("key", key, allowed)
    elif error.validator == "oneOf":
        yield place, f"{name} must have exactly one of jku, jwks, jwks_file"
    elif error.validator == "required":
        missing = sorted(set(schema["required"]) - set(found))
        yield place, f"{name} must have {', '.join(missing)}"
    elif error.validator == "enum" and isinstance(found, str):
        yield place, not_one_of(name, found[:40], schema["enum"])
    else:
        yield place, f"{name} is not usable; allowed is {schema.get('description', 'an object')}"


def _doubles(document: Document, entries: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    names, issuers = set(), set()
    for number, entry in enumerate(entries):
        issuer = (entry["issuer"], entry.get("tenant"))
        if entry["name"] in names:
            yield _fault(document, number, "name", "the name stands here twice; each client has its own")
        if issuer in issuers:
            yield _fault(document, number, "issuer", "issuer and tenant stand here twice; each client has its own")
        names.add(entry["name"])
        issuers.add(issuer)


def _sandbox_only(document: Document, entries: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    for number, entry in enumerate(entries):
        if entry["issuer"].rstrip("/") == PUBLIC_SANDBOX:
            sentence = "this issuer is the public sandbox, whose private key everybody can read; it is refused here"
            yield _fault(document, number, "issuer", sentence)
        if entry.get("jku", "").startswith("http:"):
            yield _fault(document, number, "jku", "jku is plain http; allowed is https")
        for base in entry.get("fhir_bases", ()):
            if base.startswith("http:"):
                yield _fault(document, number, "fhir_bases", "a FHIR base is plain http; allowed is https")


def _fault(document: Document, number: int, key: str, sentence: str) -> Fault:
    return Fault(document.file, document.line(("clients", number, key)), sentence)


def _client(document: Document, number: int, entry: Mapping[str, Any], folder: Path, faults: list[Fault]) -> Client:
    pinned: Mapping[str, Key] = {}
    if "jwks" in entry:
        pinned = _inline_keys(document, number, entry["jwks"]["keys"], faults)
    elif "jwks_file" in entry:
        pinned, sentences = _keys_of_file(folder / entry["jwks_file"])
        faults += [_fault(document, number, "jwks_file", sentence) for sentence in sentences]
    plain: dict[str, Any] = {key: value for key, value in entry.items() if key not in ("jwks", "jwks_file", *_LISTS)}
    lists = {key: tuple(entry[key]) for key in _LISTS if key in entry}
    return Client(**plain | lists, pinned=pinned)


def _inline_keys(document: Document, number: int, jwks: list[object], faults: list[Fault]) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for index, jwk in enumerate(jwks):
        line = document.line(("clients", number, "jwks", "keys", index))
        try:
            key = read_key(jwk)
        except KeyFault as fault:
            faults.append(Fault(document.file, line, str(fault)))
            continue
        if key.kid in found:
            faults.append(Fault(document.file, line, "two keys have the same kid"))
        found[key.kid] = key
    return found


def _keys_of_file(path: Path) -> tuple[dict[str, Key], list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, [f"{path.name} cannot be read: {error.strerror}"]
    except (ValueError, RecursionError):
        return {}, [f"{path.name} is not JSON"]
    keys, faults = read_keys(content)
    if not keys and not faults:
        faults = ["there is no key in it"]
    return keys, [f"{path.name}: {fault}" for fault in faults]
