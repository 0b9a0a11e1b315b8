"""The record of what was decided: written before the answer leaves, read again by `tail`."""

from cds_service.audit.journal import Journal, JournalUnavailable
from cds_service.audit.tail import Tail, tail

__all__ = ["Journal", "JournalUnavailable", "Tail", "tail"]
