"""The command and its subcommands; each imports what it needs only when it runs, so that `--help` is quick."""

from typing import Any

import click

from cds_service import __version__
from cds_service.cli.asking import call, request
from cds_service.cli.attributing import attributes
from cds_service.cli.authoring import check, preview, terminology, vocabulary
from cds_service.cli.counting import burden
from cds_service.cli.doctoring import doctor
from cds_service.cli.expanding import expand
from cds_service.cli.exporting import export
from cds_service.cli.governing import approve
from cds_service.cli.running import audit, serve
from cds_service.cli.showing import demo, explain
from cds_service.cli.tokens import token

INTERRUPTED = 130


class Commands(click.Group):
    """A group of commands whose exit code for Ctrl-C is 130; click's own is 1, which here means findings."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cramp-cds")
def main() -> None:
    """Cramp CDS: guideline cards for the safety of medicines around muscle cramps.

    Start with `cramp-cds demo`, then `cramp-cds serve`.
    """


COMMANDS = (
    demo, serve, check, explain, preview, attributes, call, request, approve,
    doctor, token, burden, audit, export, terminology, vocabulary,
)  # fmt: skip

for command in COMMANDS:
    main.add_command(command)
terminology.add_command(expand)
