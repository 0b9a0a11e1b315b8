"""Settings: what is taken, and the sentences for what is not."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from cds_service.caller import FhirRules
from cds_service.settings import Settings, SettingsError


def sentences(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return caught.value.sentences


def test_an_empty_environment_is_a_sandbox_on_loopback() -> None:
    settings = Settings.load({"PATH": "/bin"})
    assert (settings.profile, settings.host, settings.port) == ("sandbox", "127.0.0.1", 8080)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.base_path == ""
    assert settings.cors_origins == ("*",)


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_PORT", "9999")
    assert Settings.load({}).port == 8080


def test_an_empty_value_is_no_value() -> None:
    assert Settings.load({"CDS_PORT": "", "CDS_BASE_URL": ""}).port == 8080


def test_addresses_follow_from_the_base_url() -> None:
    settings = Settings.load({"CDS_BASE_URL": "https://cds.example.org/cramp/"})
    assert settings.public_url == "https://cds.example.org/cramp"
    assert settings.base_path == "/cramp"
    assert Settings.load({"CDS_HOST": "::1"}).public_url == "http://[::1]:8080"


def test_origins_are_a_list_with_commas() -> None:
    settings = Settings.load({"CDS_CORS_ORIGINS": "https://a.example.org, http://localhost:3000/"})
    assert settings.cors_origins == ("https://a.example.org", "http://localhost:3000")


@pytest.mark.parametrize(
    "origins", ["null", "*,https://a.org", "https://a.org/path", "a.org", "https://*.a.org", "https://(a|b).org"]
)
def test_origins_that_are_none_are_refused(origins: str) -> None:
    assert sentences(CDS_CORS_ORIGINS=origins)[0].startswith("CDS_CORS_ORIGINS is ")


@pytest.mark.parametrize(("name", "nearest"), [("CDS_PROT", "CDS_PORT"), ("CDS_BASEURL", "CDS_BASE_URL")])
def test_an_unknown_name_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    assert sentences(**{name: "1"}) == [f"{name} is not a setting; the nearest is {nearest}."]


def test_all_faults_are_named_at_once() -> None:
    found = sentences(CDS_PORT="abc", CDS_REGION="fr", CDS_WROKERS="2", CDS_PROFILE="production", CDS_MAX_ENTRIES="0")
    assert len(found) == 4
    assert 'CDS_PORT is "abc"; allowed is a whole number from 1 to 65535.' in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CDS_MAX_BODY_BYTES", "1048575"),
        ("CDS_PORT", "0"),
        ("CDS_WORKERS", "0"),
        ("CDS_MAX_IN_FLIGHT", "0"),
        ("CDS_MAX_IN_FLIGHT", "513"),
        ("CDS_MAX_IN_FLIGHT_PER_CLIENT", "0"),
        ("CDS_MAX_COMPUTING", "0"),
        ("CDS_MAX_CONNECTIONS", "15"),
        ("CDS_CALL_SECONDS", "0.4"),
        ("CDS_CALL_SECONDS", "nan"),
        ("CDS_WORKERS", "many"),
        ("CDS_BASE_URL", "cds.example.org"),
        ("CDS_BASE_URL", "https://x.org/?a=1"),
        ("CDS_LOG_FORMAT", "xml"),
        ("CDS_SHOW_DRAFTS", "perhaps"),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, value: str) -> None:
    (sentence,) = sentences(**{name: value})
    assert sentence.startswith(f'{name} is "{value}"; allowed is ')


def test_a_password_in_an_address_is_not_repeated() -> None:
    (sentence,) = sentences(CDS_BASE_URL="https://user:hunter2@x.org")
    assert "hunter2" not in sentence


def production(tmp_path: Path, **environ: str) -> dict[str, str]:
    (tmp_path / "clients.yaml").write_text("clients: []")
    given = {"CDS_PROFILE": "production", "CDS_BASE_URL": "https://cds.example.org"}
    return {**given, "CDS_CLIENTS_FILE": str(tmp_path / "clients.yaml"), **environ}


def test_production_needs_clients_and_an_https_address(tmp_path: Path) -> None:
    assert Settings.load(production(tmp_path)).profile == "production"
    no_clients, no_https = sentences(CDS_PROFILE="production")
    assert no_clients.startswith("CDS_PROFILE=production needs CDS_CLIENTS_FILE")
    assert no_https.startswith("CDS_PROFILE=production needs CDS_BASE_URL to be the https address")
    (sentence,) = sentences(**production(tmp_path, CDS_BASE_URL="http://cds.example.org"))
    assert "https" in sentence


def test_production_takes_no_origin_of_everybody(tmp_path: Path) -> None:
    (sentence,) = sentences(**production(tmp_path, CDS_CORS_ORIGINS="*"))
    assert sentence.startswith("CDS_PROFILE=production takes no CDS_CORS_ORIGINS=*")


@pytest.mark.parametrize(
    "store", ["memory", "sqlite", "redis://h:1/0", "rediss://u:p@h/0", "postgresql://u:p@h/d", "postgres://h/d"]
)
def test_replay_stores(store: str) -> None:
    assert Settings.load({"CDS_REPLAY_STORE": store}).replay_store == store


@pytest.mark.parametrize("store", ["mysql://h/d", "file", "redis://", "redis://a b"])
def test_other_stores_are_refused(store: str) -> None:
    assert sentences(CDS_REPLAY_STORE=store)[0].startswith("CDS_REPLAY_STORE is ")


def test_the_password_of_a_store_is_not_repeated() -> None:
    for store in ("mysql://me:hunter2@h/d", "postgresql+psycopg://h/x?password=hunter2", "redis//:hunter2"):
        assert "hunter2" not in sentences(CDS_REPLAY_STORE=store)[0]


def test_a_store_may_stand_in_a_file(tmp_path: Path) -> None:
    held = tmp_path / "store"
    for end in ("", "\n", "\r\n"):
        held.write_bytes(b"redis://:hunter2@h/0" + end.encode())
        assert Settings.load({"CDS_REPLAY_STORE_FILE": str(held)}).replay_store == "redis://:hunter2@h/0"
    assert Settings.load({"CDS_REPLAY_STORE_FILE": ""}).replay_store == "sqlite"
    (sentence,) = sentences(CDS_REPLAY_STORE_FILE=str(held), CDS_REPLAY_STORE="sqlite")
    assert sentence == "CDS_REPLAY_STORE and CDS_REPLAY_STORE_FILE are both set; give one of them."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty; it must hold the value"),
        (b"\n", "is empty; it must hold the value"),
        (b"mysql://me:hunter2@h/d", "whose value is not usable; allowed is "),
        (b"\xff\xfe", "is not UTF-8; allowed is text in UTF-8"),
        (b"redis://:hunter2@h/\xc3", "is not UTF-8; allowed is text in UTF-8"),
        (b"redis://:hunter2@h/" + b"x" * 4096, "is too long; allowed are 4096 bytes"),
        # A letter cut in two at the limit is no fault of its own.
        (b"redis://:hunter2@h/" + "é".encode() * 4096, "is too long; allowed are 4096 bytes"),
    ],
)
def test_a_file_that_holds_no_store_is_refused_without_its_words(content: bytes, why: str, tmp_path: Path) -> None:
    held = tmp_path / "store"
    held.write_bytes(content)
    (sentence,) = sentences(CDS_REPLAY_STORE_FILE=str(held))
    assert sentence.startswith(f"CDS_REPLAY_STORE_FILE names a file {'' if why.startswith('whose') else 'that '}{why}")
    assert "hunter2" not in sentence


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in sentences(CDS_REPLAY_STORE_FILE=str(tmp_path / "none"))[0]
    assert "cannot be read: Is a directory" in sentences(CDS_REPLAY_STORE_FILE=str(tmp_path))[0]


def test_no_more_of_a_file_is_read_than_may_be_there(tmp_path: Path) -> None:
    held = tmp_path / "store"
    with held.open("wb") as file:
        file.truncate(1 << 42)  # four terabytes of nothing: no memory holds them
    (sentence,) = sentences(CDS_REPLAY_STORE_FILE=str(held))
    assert sentence.endswith("is too long; allowed are 4096 bytes.")
    longest = b"redis://h/" + b"x" * 4086
    held.write_bytes(longest)
    assert Settings.load({"CDS_REPLAY_STORE_FILE": str(held)}).replay_store == longest.decode()


def test_settings_do_not_say_their_secrets() -> None:
    settings = Settings.load({"CDS_REPLAY_STORE": "redis://:pa55word@h/0"})
    assert "pa55word" in settings.replay_store
    assert "pa55word" not in f"{settings} {settings!r}"


def test_only_what_may_be_secret_may_stand_in_a_file() -> None:
    (sentence,) = sentences(CDS_PORT_FILE="port")
    assert sentence.startswith("CDS_PORT_FILE is not a setting; the nearest is ")


def test_memory_serves_one_worker() -> None:
    assert Settings.load({"CDS_REPLAY_STORE": "memory", "CDS_WORKERS": "1"})
    (sentence,) = sentences(CDS_REPLAY_STORE="memory", CDS_WORKERS="2")
    assert sentence.startswith("CDS_REPLAY_STORE=memory serves one worker only")


@pytest.mark.parametrize("name", ["CDS_CLIENTS_FILE", "CDS_CA_FILE"])
def test_files_must_be_there(name: str, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        assert sentences(**{name: str(path)})[0].endswith("that can be read.")


def test_workers_may_follow_the_cores() -> None:
    assert Settings.load({"CDS_WORKERS": "auto"}).worker_count >= 1
    assert Settings.load({"CDS_WORKERS": "3"}).worker_count == 3


def test_calls_must_reach_the_worker_to_be_refused() -> None:
    (sentence,) = sentences(CDS_MAX_IN_FLIGHT="100", CDS_MAX_CONNECTIONS="99")
    assert sentence.startswith("CDS_MAX_CONNECTIONS is smaller than CDS_MAX_IN_FLIGHT")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings.load({}).port = 1


def test_how_fhir_servers_are_asked() -> None:
    assert Settings.load({}).fhir_rules == FhirRules()
    environ = {
        "CDS_FHIR_TIMEOUT_SECONDS": "1.5", "CDS_FHIR_CALLS": "8", "CDS_FHIR_CALLS_PER_CLIENT": "2",
        "CDS_FHIR_PAUSE_AFTER": "3", "CDS_FHIR_PAUSE_SECONDS": "10", "CDS_CA_FILE": __file__,
        "CDS_MAX_ENTRIES": "500",
    }  # fmt: skip
    assert Settings.load(environ).fhir_rules == FhirRules(1.5, 8, 2, 3, 10.0, __file__, 500)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CDS_FHIR_CALLS", "0", "a whole number of calls from 1 to 64"),
        ("CDS_FHIR_CALLS_PER_CLIENT", "65", "a whole number of calls from 1 to 64"),
        ("CDS_FHIR_PAUSE_AFTER", "0", "a whole number of calls from 1 to 100"),
        ("CDS_FHIR_PAUSE_SECONDS", "0.5", "a number of seconds from 1 to 600"),
        ("CDS_FHIR_PAUSE_SECONDS", "nan", "a number of seconds from 1 to 600"),
    ],
)
def test_how_fhir_servers_may_not_be_asked(name: str, value: str, allowed: str) -> None:
    assert sentences(**{name: value}) == [f'{name} is "{value}"; allowed is {allowed}.']
