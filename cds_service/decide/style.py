"""What writing a card needs beside the findings."""

from hashlib import sha1
from typing import NamedTuple
from uuid import UUID

from cds_service.caller import ClientOptions
from cds_service.knowledge.references import References


class Style(NamedTuple):
    """The options of the client, the decision id, the shared references."""

    options: ClientOptions
    decision_id: UUID
    references: References

    def uuid(self, name: str) -> str:
        """The name-based UUID (RFC 9562, version 5) of a part of this decision, as text; the same as `uuid.uuid5`."""
        found = sha1(self.decision_id.bytes + name.encode(), usedforsecurity=False).hexdigest()
        variant = "89ab"[int(found[16], 16) & 3]
        return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"
