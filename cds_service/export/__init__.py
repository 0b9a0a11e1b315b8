"""The knowledge as a FHIR R4 package: plans, activities, value sets and the library that names them all."""

from cds_service.export.edition import DEFAULT_BASE, AddressError, Edition, read_edition
from cds_service.export.folder import MANIFEST, FolderError, Written, write_package
from cds_service.export.package import ResourceError, package

__all__ = [
    "DEFAULT_BASE",
    "MANIFEST",
    "AddressError",
    "Edition",
    "FolderError",
    "ResourceError",
    "Written",
    "package",
    "read_edition",
    "write_package",
]
