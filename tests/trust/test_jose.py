"""Tokens minted by npm jose, an implementation that shares nothing with ours."""

import json
import subprocess
from typing import Any

import pytest

from cds_service.trust.keys import read_keys
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import MemoryStore
from cds_service.trust.tokens import authenticate
from tests.trust.issuing import AUDIENCE, ISSUER, NOW, client, pinned
from tests.trust.node_packages import installed


@pytest.fixture(scope="module")
def minted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What mint.mjs prints."""
    folder = tmp_path_factory.mktemp("node")
    node = installed(folder)
    asked = json.dumps({"aud": AUDIENCE, "iss": ISSUER, "now": NOW})
    run = subprocess.run([node, "mint.mjs"], cwd=folder, input=asked, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_good_ones_are_let_in_and_no_other(minted: dict[str, Any]) -> None:
    keys, faults = read_keys(minted["jwks"])
    assert (len(keys), faults) == (5, [])
    known, ring = pinned(client(pinned=keys))
    store, told = MemoryStore(NOW, lambda: 0.0), []
    for token in minted["tokens"]:
        try:
            authenticate(f"Bearer {token['token']}", AUDIENCE, bytes, known, ring, store, NOW)
            let_in = True
        except Unauthorized:
            let_in = False
        if let_in != token["good"]:
            told.append(token["name"])
    assert told == []
    assert sum(token["good"] for token in minted["tokens"]) == 10
    assert len(minted["tokens"]) > 100


def test_other_algorithms_are_let_in_where_agreed(minted: dict[str, Any]) -> None:
    keys, _ = read_keys(minted["jwks"])
    known, ring = pinned(client(pinned=keys, algorithms=("RS256", "PS384", "ES256")))
    for token in minted["tokens"]:
        algorithm, _, kind = token["name"].partition(" ")
        if kind == "good" and algorithm in ("RS256", "PS384", "ES256"):
            store = MemoryStore(NOW, lambda: 0.0)
            assert authenticate(f"Bearer {token['token']}", AUDIENCE, bytes, known, ring, store, NOW)[0].name == "ehr"
