"""Finding the resource behind a reference: contained, in the same delivery, or under a full URL."""

from collections.abc import Callable, Iterable

from cds_service.fhir.elements import Entry, Reference, Resource

# What a reference is followed to.
_REFERRED_TO = frozenset({"Medication", "Condition", "Specimen"})


def reference_of(entry: Entry) -> str:
    """How this resource is pointed to: `Type/id`, else its full URL, else ""."""
    resource = entry.resource
    if resource is not None and resource.id:
        return f"{resource.resource_type}/{resource.id.strip()}"
    return (entry.full_url or "").strip()


def plain_reference(reference: str) -> str:
    """A reference without blanks and without a version."""
    return reference.strip().split("/_history/", 1)[0]


def local_reference(reference: str) -> str:
    """The `Type/id` at the end of an absolute URL; other references unchanged."""
    plain = plain_reference(reference)
    return "/".join(plain.rsplit("/", 2)[-2:]) if "://" in plain else plain


class Index:
    """Every delivered resource by the names it can be pointed to; built when the first reference needs it."""

    def __init__(self, entries: Callable[[], Iterable[Entry]]) -> None:
        self._entries = entries
        self._found: dict[str, Resource] | None = None
        self._inside: dict[int, tuple[Resource, dict[str, Resource]]] = {}  # by `id`, of a resource held here

    def resolve(self, pointer: Reference | None, home: Resource | None = None) -> Resource | None:
        """The resource a reference points to, `home` being the resource it stands in; None when not delivered.

        An absolute URL counts only where a resource was delivered under that very URL: another host is not followed.
        """
        if pointer is None or not pointer.reference:
            return None
        plain = plain_reference(pointer.reference)
        if plain.startswith("#"):
            return self._contained(home).get(plain[1:])
        known = self._known()
        return known.get(plain) or known.get(f"{pointer.type}/{plain}") or known.get(plain.removeprefix("urn:uuid:"))

    def _contained(self, home: Resource | None) -> dict[str, Resource]:
        """What stands inside a resource, by its id; of several with one id the first."""
        if home is None or not home.contained:
            return {}
        if id(home) not in self._inside:
            named = {held.id.strip().lstrip("#"): held for held in reversed(home.contained) if held and held.id}
            self._inside[id(home)] = home, named
        return self._inside[id(home)][1]

    def _known(self) -> dict[str, Resource]:
        if self._found is None:
            self._found = _by_name(self._entries())
        return self._found


def _by_name(entries: Iterable[Entry]) -> dict[str, Resource]:
    """What is referred to, by full URL and by `Type/id`; by a bare id only where one resource has it."""
    found: dict[str, Resource] = {}
    bare: dict[str, Resource | None] = {}
    for entry in entries:
        resource = entry.resource
        if resource is None or resource.resource_type not in _REFERRED_TO:
            continue
        if entry.full_url:
            found[plain_reference(entry.full_url)] = resource
            found.setdefault(local_reference(entry.full_url), resource)
        if resource.id:
            own = resource.id.strip()
            found[f"{resource.resource_type}/{own}"] = resource
            bare[own] = None if own in bare and bare[own] is not resource else resource
    for name, only in bare.items():
        if only is not None:
            found.setdefault(name, only)
    return found
