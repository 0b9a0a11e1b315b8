"""Ctrl-C ends a command with the exit code that shells expect, not with the one that means findings."""

import pytest
from click.testing import CliRunner

from cds_service.cli import main


def test_interrupted_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cds_service.simulation.check.check", interrupt)
    assert CliRunner().invoke(main, ["check"]).exit_code == 130
