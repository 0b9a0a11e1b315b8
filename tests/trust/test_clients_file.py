"""The file of clients: what it gives, and a sentence with file and line for each fault."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cds_service.caller import FhirBase, FhirRules
from cds_service.trust.clients_file import clients_schema, load_clients
from cds_service.trust.minting import key_set
from cds_service.trust.refusals import ConfigurationError
from tests.trust.issuing import ISSUER, key_pair, write_clients

PUBLIC = key_set(key_pair("ES384"))


def faults(path: Path, sandbox: bool = False) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_clients(path, sandbox)
    return caught.value.sentences


def fault(tmp_path: Path, *entries: dict[str, Any], sandbox: bool = False) -> str:
    (sentence,) = faults(write_clients(tmp_path, *entries), sandbox)
    return sentence


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(clients_schema())


def test_a_short_entry_has_safe_defaults(tmp_path: Path) -> None:
    (client,) = load_clients(write_clients(tmp_path, {}), sandbox=False).all
    assert (client.name, client.issuer, client.algorithms) == ("ehr", ISSUER, ("ES384", "RS384"))
    assert (client.max_lifetime, client.allow_retry, client.shows_drafts) == (3600, False, False)
    assert set(client.pinned) == {key_pair("ES384")["kid"], key_pair("RS384")["kid"]}
    options = client.caller("https://cds.example.org", "uk", FhirRules()).options
    assert (options.region, options.service_url, options.findings_extension) == ("uk", "https://cds.example.org", False)


def test_everything_that_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(PUBLIC))
    entry = {
        "name": "north-1", "issuer": "x", "tenant": "t", "algorithms": ["RS256"], "jwks_file": "keys.json",
        "max_lifetime": 86_400, "fhir_bases": ["https://ehr.example.org/fhir"], "fhir_private": True, "region": "de", "rate_per_minute": 5,
        "cors_origins": ["https://ehr.example.org"], "selection_behavior": "any", "shows_drafts": True,
        "findings_extension": True, "allow_retry": True,
    }  # fmt: skip
    clients = load_clients(write_clients(tmp_path, entry, {"jku": "https://e.example.org/jwks"}), sandbox=False)
    first, second = clients.all
    assert (first.tenant, first.fhir_bases, first.rate_per_minute) == ("t", ("https://ehr.example.org/fhir",), 5)
    options = first.caller("https://cds.example.org", "us", FhirRules()).options
    assert (options.selection_behavior, options.region) == ("any", "de")
    assert options.shows_drafts
    assert options.findings_extension
    assert options.fhir_bases == (FhirBase("https://ehr.example.org/fhir", private=True),)
    assert second.jku == "https://e.example.org/jwks"
    assert clients.cors_origins == ("https://ehr.example.org",)
    assert clients.longest_lifetime == 86_400
    assert clients.by_issuer("x", "t") is first
    assert clients.by_issuer("x", "other") is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"isuer": "x"}, 'key "isuer" is not one of'),
        ({"isuer": "x"}, "(did you mean issuer?)"),
        ({"name": "Ehr 1"}, "clients.0.name is not usable; allowed is lower-case letters"),
        ({"issuer": 7}, "clients.0.issuer is not usable"),
        ({"algorithms": ["none"]}, '"none" is not one of ES256'),
        ({"algorithms": ["HS256"]}, '"HS256" is not one of'),
        ({"algorithms": []}, "clients.0.algorithms is not usable; allowed is a list of ES256"),
        ({"max_lifetime": 90_000}, "allowed is the longest life of a token in seconds, 60 to 86400"),
        ({"max_lifetime": "1 h"}, "clients.0.max_lifetime is not usable"),
        ({"jku": "https://user:pw@ehr.example.org/jwks"}, "clients.0.jku is not usable"),
        ({"jku": "https://ehr.example.org/jwks?x=1"}, "clients.0.jku is not usable"),
        ({"jku": "https://ehr.example.org/jwks", "jwks": PUBLIC}, "exactly one of jku, jwks, jwks_file"),
        ({"jku": "http://ehr.example.org/jwks"}, "jku is plain http; allowed is https"),
        ({"fhir_bases": ["http://ehr.example.org"]}, "a FHIR base is plain http; allowed is https"),
        ({"issuer": "https://sandbox.cds-hooks.org"}, "private key everybody can read"),
        ({"cors_origins": ["https://ehr.example.org/page"]}, "allowed is an origin like"),
        ({"cors_origins": ["*"]}, "allowed is an origin like"),
        ({"selection_behavior": "all"}, '"all" is not one of any, at-most-one'),
        ({"shows_drafts": "yes"}, "allowed is true or false"),
        ({"rate_per_minute": 0}, "at least 1"),
        ({"region": "fr"}, '"fr" is not one of de, uk, us'),
        ({"jwks_file": "none.json"}, "none.json cannot be read: No such file"),
        ({"jwks": {"keys": []}}, "a list of JSON Web Keys, at least one"),
        ({"jwks": {"keys": [key_pair("ES384")]}}, "a key holds its private part"),
        ({"jwks": {"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}}, "a key holds its private part"),
        ({"jwks": {"keys": [PUBLIC["keys"][0], PUBLIC["keys"][0]]}}, "two keys have the same kid"),
    ],
    ids=str,
)
def test_a_fault_is_a_sentence_with_file_and_line(tmp_path: Path, entry: dict[str, Any], said: str) -> None:
    sentence = fault(tmp_path, entry)
    assert said in sentence
    assert sentence.startswith("clients.yaml:")
    assert int(sentence.split(":")[1]) > 1
    assert sentence.endswith(".")
    assert "pw" not in sentence


def test_the_line_is_that_of_the_fault(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("clients:\n  - name: a\n    issuer: b\n    jku: https://e.example.org\n    regoin: us\n")
    (sentence,) = faults(path)
    assert sentence.startswith('clients.yaml:5: key "regoin"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is not usable"),
        ("clients: []", "clients is not usable; allowed is a list of clients, at least one"),
        ("clients: [{}]", "clients.0 must have issuer, name"),
        ("clients: &a [*a]", "is nested too deeply"),
        ("clients: [1]\nclients: [2]", "stands here twice"),
        ("!!python/object:os.system {}", ""),
        ("clients: {", "is not YAML"),
    ],
)
def test_files_of_another_shape(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(text)
    assert any(said in sentence for sentence in faults(path))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in faults(tmp_path / "none.yaml")[0]


def test_names_and_issuers_stand_once(tmp_path: Path) -> None:
    said = faults(write_clients(tmp_path, {}, {}))
    assert sorted(sentence.partition(": ")[2] for sentence in said) == [
        "issuer and tenant stand here twice; each client has its own.",
        "the name stands here twice; each client has its own.",
    ]
    assert len(load_clients(write_clients(tmp_path, {}, {"name": "b", "tenant": "t"}), sandbox=False).all) == 2


def test_the_sandbox_takes_plain_http_and_the_public_issuer(tmp_path: Path) -> None:
    entry = {"jku": "http://127.0.0.1:9/jwks", "issuer": "https://sandbox.cds-hooks.org"}
    assert load_clients(write_clients(tmp_path, entry), sandbox=True).all[0].jku == entry["jku"]
    assert len(faults(write_clients(tmp_path, entry))) == 2


def test_a_key_file_is_checked_too(tmp_path: Path) -> None:
    for content, said in (("{", "is not JSON"), ("{}", 'a list "keys"'), ('{"keys": []}', "no key in it")):
        (tmp_path / "keys.json").write_text(content)
        assert said in fault(tmp_path, {"jwks_file": "keys.json"})
