"""Asking a FHIR terminology server for the descendants of SNOMED roots: for a command, never during a hook call.

FHIR R4 `ValueSet/$expand` with the implicit value sets of SNOMED CT (`?fhir_vs=ecl/<<code`), page by page.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from cds_service.terminology import clean, system_name
from cds_service.terminology.check_digits import snomed_is_valid

PAGE = 1000
MOST_CODES = 20_000
_MOST_PAGES = 1000
_MOST_BYTES = 20_000_000
_SECONDS = (10, 60)  # to connect, and between two parts of an answer
_MOST_TEXT = 300
_SNOMED = system_name("snomed")
_VERSION_NAMES = ("version", "used-codesystem")
# Extensions of FHIR R4 by which a server says that an expansion is not whole.
_PARTIAL = ("valueset-unclosed", "valueset-toocostly")

Json = Mapping[str, Any]


class ServerError(Exception):
    """The server cannot be reached, or what it answers cannot be read. The message is a sentence."""


class AbsurdAnswerError(Exception):
    """The server answered, and the answer cannot be right. The message is a sentence."""


class Descendants(NamedTuple):
    """The descendants of a root, itself left out; whether the server holds the root; the editions it said it used."""

    codes: tuple[str, ...]
    is_held: bool
    versions: frozenset[str]


class _Page(NamedTuple):
    codes: tuple[str, ...]
    total: int | None
    versions: frozenset[str]


@dataclass(frozen=True, slots=True)
class TerminologyServer:
    """A FHIR terminology server at its base address; `version` is the SNOMED edition to ask for, "" for its own."""

    base: str
    version: str
    session: requests.Session

    def descendants(self, root: str) -> Descendants:
        """All descendants of a root, sorted.

        Raises `ServerError` and `AbsurdAnswerError`.
        """
        found: set[str] = set()
        versions: set[str] = set()
        for page in self._pages(root):
            found.update(page.codes)
            versions |= page.versions
            if max(len(found), page.total or 0) > MOST_CODES:
                raise AbsurdAnswerError(f"The server gives more than {MOST_CODES} descendants of {root}.")
        if found and root not in found:
            raise AbsurdAnswerError(f"The server's answer for {root} and its descendants does not hold {root} itself.")
        return Descendants(tuple(sorted(found - {root})), root in found, frozenset(versions))

    def _pages(self, root: str) -> Iterator[_Page]:
        """The pages of one expansion, until the total the server gave, or without one until nothing new comes."""
        seen: set[str] = set()
        offset = 0
        for _ in range(_MOST_PAGES):
            page = _page(self._answer(root, offset), root)
            yield page
            new = set(page.codes) - seen
            seen |= new
            offset += len(page.codes)
            if offset >= page.total if page.total is not None else not new:
                return
            if not new:
                raise ServerError(f"The server stops at {len(seen)} of {page.total} descendants of {root}.")
        raise ServerError(f"The server gives the descendants of {root} in more than {_MOST_PAGES} pages.")

    def _answer(self, root: str, offset: int) -> Json:
        parameters = {"url": f"{_SNOMED}?fhir_vs=ecl/<<{root}", "count": str(PAGE), "offset": str(offset)}
        if self.version:
            parameters["system-version"] = f"{_SNOMED}|{self.version}"
        address = f"{self.base}/ValueSet/$expand"
        try:
            with closing(
                self.session.get(
                    address,
                    params=parameters,
                    headers={"Accept": "application/fhir+json"},
                    timeout=_SECONDS,
                    allow_redirects=False,
                    stream=True,
                )
            ) as answer:
                return _content(answer, _body(answer))
        except requests.RequestException as error:
            raise ServerError(f"{self.base} cannot be reached: {type(error).__name__}.") from error


def base_address(url: str) -> str:
    """The base address of a FHIR server as it is asked. Raises ValueError with a sentence."""
    parts = urlsplit(url.strip())
    odd = parts.username or parts.password or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
        raise ValueError("--server must be an absolute http or https address without user, query or fragment.")
    return url.strip().rstrip("/")


def plain_version(version: str) -> str:
    """The edition in the form a server is asked for: without the system before `|`. Raises ValueError."""
    plain = version.strip().removeprefix(f"{_SNOMED}|")
    if plain and not plain.startswith(f"{_SNOMED}/"):
        raise ValueError(f'--system-version "{version}" is not like {_SNOMED}/EDITION/version/YYYYMMDD.')
    return plain


class Found(NamedTuple):
    """What a server gave: descendants by root, the edition it named ("" for none), and roots it does not hold."""

    descendants: Mapping[str, tuple[str, ...]]
    version: str
    missing: tuple[str, ...]


def ask(server: TerminologyServer, roots: Iterable[str], asked: Callable[[str], object]) -> Found:
    """The descendants of all roots; `asked` is told each root. Raises `ServerError` and `AbsurdAnswerError`.

    An answer that names another edition than the ones before is refused: the parts would not belong together.
    """
    descendants: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    versions: set[str] = set()
    for root in roots:
        asked(root)
        answer = server.descendants(root)
        versions |= answer.versions
        if len(versions) > 1:
            raise AbsurdAnswerError(f"The server used several editions: {', '.join(sorted(versions))}.")
        descendants[root] = answer.codes
        if not answer.is_held:
            missing.append(root)
    return Found(descendants, "".join(versions), tuple(missing))


def _page(content: Json, root: str) -> _Page:
    expansion = content.get("expansion")
    if content.get("resourceType") != "ValueSet" or not isinstance(expansion, dict):
        raise ServerError(f"The server's answer for {root} is no expanded ValueSet.")
    if any(str(url).endswith(_PARTIAL) for url in _urls(expansion.get("extension"))):
        raise ServerError(f"The server says that its answer for {root} is not whole.")
    total = expansion.get("total")
    codes = tuple(_codes(expansion.get("contains", []), root))
    return _Page(codes, total if type(total) is int else None, frozenset(_versions(expansion.get("parameter"))))


def _urls(extensions: object) -> list[object]:
    return [entry.get("url") for entry in extensions if isinstance(entry, dict)] if isinstance(extensions, list) else []


def _codes(contains: object, root: str) -> Iterator[str]:
    for entry in contains if isinstance(contains, list) else [contains]:
        held: Json = entry if isinstance(entry, dict) else {}
        code = held.get("code")
        if not isinstance(code, str) or held.get("system") != _SNOMED or not snomed_is_valid(code):
            raise ServerError(f"The server's answer for {root} holds what is no SNOMED CT code.")
        if held.get("contains"):
            raise ServerError(f"The server's answer for {root} is a tree; a plain list was expected.")
        yield code


def _versions(parameters: object) -> Iterator[str]:
    for entry in parameters if isinstance(parameters, list) else []:
        if isinstance(entry, dict) and entry.get("name") in _VERSION_NAMES:
            said = next((value for key, value in entry.items() if key.startswith("value")), None)
            if isinstance(said, str) and said.startswith(_SNOMED):
                yield clean(said).rpartition("|")[2]


def _body(answer: requests.Response) -> bytes:
    """The body, at most so long; read in parts so that a flood is not held in memory."""
    body = bytearray()
    for part in answer.iter_content(65_536):
        body += part
        if len(body) > _MOST_BYTES:
            raise ServerError(f"The server's answer is longer than {_MOST_BYTES} bytes.")
    return bytes(body)


def _content(answer: requests.Response, body: bytes) -> Json:
    if 300 <= answer.status_code < 400:
        raise ServerError(f"The server answers {answer.status_code} with a redirect, which is not followed.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if answer.status_code != 200 or (isinstance(content, dict) and content.get("resourceType") == "OperationOutcome"):
        raise ServerError(f"The server answers {answer.status_code}: {_diagnostics(content)}")
    if not isinstance(content, dict):
        raise ServerError("The server's answer is not a JSON object.")
    return content


def _diagnostics(content: object) -> str:
    """The words of an OperationOutcome, shortened."""
    issues = content.get("issue") if isinstance(content, dict) else None
    texts = [_issue(issue) for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return "; ".join(text for text in texts if text)[:_MOST_TEXT] or "no reason given."


def _issue(issue: Json) -> str:
    details = issue.get("details")
    said = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else "")
    return clean(said) if isinstance(said, str) else ""
