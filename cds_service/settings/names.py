"""How settings are called in the environment."""

PREFIX = "CDS_"
# What may hold a password can also be given as a file, CDS_..._FILE, as secrets are handed to containers.
SECRETS = ("replay_store",)
LEAST_BODY_BYTES = 1_048_576


def secret_file(field: str) -> str:
    """The name of the setting that names a file with the value of `field`."""
    return f"{PREFIX}{field.upper()}_FILE"
