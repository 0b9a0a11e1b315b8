"""What may be set, from the environment; every fault is named at once, in sentences.

`table` has every setting with its bounds, `together` what must not be combined, `secret_files` the values that stand in
files, `faults` the sentences.
"""

from cds_service.settings.faults import SettingsError
from cds_service.settings.names import PREFIX, SECRETS, secret_file
from cds_service.settings.table import Settings

__all__ = ["PREFIX", "SECRETS", "Settings", "SettingsError", "secret_file"]
