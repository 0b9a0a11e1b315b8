"""`token`: a JWT for development, signed with a key pair of its own."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cds_service.cli.output import UNREACHABLE, data_folder, emit, json_option, stop

if TYPE_CHECKING:
    from cds_service.trust.minting import Jwk

_ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")


@click.command()
@click.option("--alg", type=click.Choice(_ALGORITHMS), default="ES384", show_default=True, help="How to sign.")
@click.option("--aud", help="Address of the endpoint to be called, as the service knows it.")
@click.option("--iss", default="https://ehr.example.org", show_default=True, help="The issuer.")
@click.option("--tenant", help="The tenant, if the client has one.")
@click.option("--lifetime", type=click.IntRange(1, 86_400), default=300, show_default=True, help="Seconds it is valid.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), help="Private key; made if missing."
)
@click.option("--jwks", is_flag=True, help="Print the public key set instead, for a clients file.")
@json_option
def token(
    alg: str, aud: str | None, iss: str, tenant: str | None, lifetime: int, key_file: Path | None, jwks: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Print a token as an EHR would send it: for development, never for patients.

    The key pair is made on first use, readable by its owner only; every call prints a new token.
    """
    from cds_service.trust.minting import key_set, mint

    if not jwks and not aud:
        raise click.UsageError("--aud is missing: the address of the endpoint to be called.")
    path = key_file or data_folder() / f"development-key-{alg}.json"
    key = _key(path, alg)
    more = {} if tenant is None else {"tenant": tenant}
    minted = mint(key, iss, aud, int(time.time()), lifetime, **more) if aud else None
    if as_json:
        emit({"token": minted, "jwks": key_set(key), "key_file": os.fspath(path)})
    elif jwks:
        emit(key_set(key))
    else:
        click.echo(minted)


def _key(path: Path, alg: str) -> "Jwk":
    from cds_service.trust.minting import key_of_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return key_of_file(path, alg)
    except OSError as error:
        stop(UNREACHABLE, f"{path} cannot be used: {error.strerror}.")
    except ValueError as error:
        stop(UNREACHABLE, f"{error}.")
