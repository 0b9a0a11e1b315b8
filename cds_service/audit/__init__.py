"""The record of what was decided: written before the answer leaves, read again by `tail`."""

from cds_service.audit.journal import DiskSilent, Journal, JournalUnavailable
from cds_service.audit.tail import Tail, tail

__all__ = ["DiskSilent", "Journal", "JournalUnavailable", "Tail", "tail"]
