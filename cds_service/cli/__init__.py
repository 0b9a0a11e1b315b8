"""The command `cramp-cds`."""

from cds_service.cli.root import main

__all__ = ["main"]
