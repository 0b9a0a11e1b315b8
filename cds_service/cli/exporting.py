"""`export`: the knowledge as a FHIR R4 package."""

from collections import Counter
from pathlib import Path

import click

from cds_service.cli.output import CONFIGURATION, UNREACHABLE, USAGE, cards_option, emit, json_option, library_of, stop
from cds_service.folders import cards_folder


@click.command()
@click.option("--to", required=True, type=click.Path(path_type=Path), help="The folder to write into.")
@click.option("--region", default="us", show_default=True, help="Jurisdiction: us, uk or de.")
@click.option("--base-url", default=None, help="The address that canonical URLs begin with: yours, if you publish.")
@cards_option
@json_option
def export(to: Path, region: str, base_url: str | None, cards: Path | None, as_json: bool) -> None:
    """Write the knowledge as a FHIR R4 package: plans, activities, value sets and the library that names them."""
    from cds_service import export as room

    library = library_of(cards)
    if region not in library.regions:
        stop(USAGE, f'The region "{region}" is not one of {", ".join(library.regions)}.')
    try:
        edition = room.read_edition(library, cards or cards_folder(), region, base_url or room.DEFAULT_BASE)
        resources = room.package(edition)
        written = room.write_package(edition, resources, to)
    except (room.AddressError, room.FolderError) as error:
        stop(USAGE, str(error))
    except room.ResourceError as error:
        stop(CONFIGURATION, str(error))
    except OSError as error:
        stop(UNREACHABLE, f"{error.filename or to} cannot be written: {error.strerror}.")
    counts = dict(sorted(Counter(one["resourceType"] for one in resources).items()))
    if as_json:
        emit({"folder": str(to), "region": region, "revision": library.revision, "resources": counts,
              "files": dict(written.files), "removed": list(written.removed)})  # fmt: skip
        return
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    removed = f"; removed: {len(written.removed)} files of an earlier export" if written.removed else ""
    click.echo(f"Written to {to}: {told}{removed}.", err=True)
