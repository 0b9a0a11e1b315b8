"""The request reader: what it gives, what it notes, what stays as sent."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.hooks import SERVICES, HookRequest, Refused, read_request, tame_numbers
from cds_service.hooks import request as reader

INSTANCE = "6c1f0f4e-8f5e-4b1c-9a7d-000000000001"


def a_call(hook: str = "order-select", **members: object) -> dict[str, object]:
    context: dict[str, object] = {"userId": "Practitioner/1", "patientId": "p1"}
    if hook != "patient-view":
        context |= {"selections": ["MedicationRequest/a"], "draftOrders": {"resourceType": "Bundle"}}
    return {"hook": hook, "hookInstance": INSTANCE, "context": context, **members}


def read(call: object, hook: str = "order-select") -> HookRequest:
    return read_request(json.dumps(call).encode(), hook)


def refused(call: object, hook: str = "order-select") -> Refused:
    with pytest.raises(Refused) as caught:
        read(call, hook)
    return caught.value


def verdict(body: bytes, hook: str) -> Refused | None:
    try:
        read_request(body, hook)
    except Refused as error:
        return error
    return None


def test_a_good_call_gives_everything() -> None:
    call = a_call(prefetch={"patient": {"id": "p1"}, "conditions": None}, fhirServer="https://ehr.example.org/fhir")
    call["context"]["encounterId"] = "e1"
    request = read(call)
    assert (request.hook, request.hook_instance) == ("order-select", INSTANCE)
    assert (request.patient_id, request.user_id, request.encounter_id) == ("p1", "Practitioner/1", "e1")
    assert request.selections == ("MedicationRequest/a",)
    assert {key: bytes(value) for key, value in request.prefetch.items()} == {
        "patient": b'{"id": "p1"}',
        "conditions": b"null",
    }
    assert request.fhir_server == "https://ehr.example.org/fhir"
    assert request.notes == ()


def test_draft_orders_stay_byte_for_byte_as_sent() -> None:
    body = json.dumps(a_call()).encode().replace(b'{"resourceType": "Bundle"}', b'{ "a" : 1.50 ,"b":"\xc3\xa4"}')
    request = read_request(body, "order-select")
    assert request.draft_orders is not None
    assert bytes(request.draft_orders) == b'{ "a" : 1.50 ,"b":"\xc3\xa4"}'


def test_patient_view_has_no_orders_even_when_sent() -> None:
    call = a_call("patient-view")
    call["context"]["draftOrders"] = "ignored"
    call["context"]["selections"] = 5
    request = read(call, "patient-view")
    assert request.draft_orders is None
    assert request.selections is None


def test_order_sign_does_not_look_at_selections() -> None:
    call = a_call("order-sign")
    call["context"]["selections"] = "all"
    assert read(call, "order-sign").selections is None


@pytest.mark.parametrize("prefetch", [None, {}])
def test_no_prefetch_is_an_empty_mapping(prefetch: object) -> None:
    assert read(a_call(prefetch=prefetch)).prefetch == {}
    assert read(a_call()).prefetch == {}


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"hookInstance": "no-uuid"}, reader.NOTE_INSTANCE),
        ({"fhirServer": "ftp://x"}, reader.NOTE_SERVER),
        ({"fhirServer": 5}, reader.NOTE_SERVER),
        ({"fhirServer": "https://x.org", "fhirAuthorization": {}}, reader.NOTE_ACCESS),
        (
            {"fhirServer": "https://x.org", "fhirAuthorization": {"access_token": "t", "token_type": "Basic"}},
            reader.NOTE_ACCESS,
        ),
    ],
)
def test_deviations_are_noted(change: dict[str, object], note: str) -> None:
    assert read({**a_call(), **change}).notes == (note,)


@pytest.mark.parametrize(
    ("member", "value", "note"),
    [
        ("userId", "1", reader.NOTE_USER),
        ("userId", "", reader.NOTE_USER),
        ("userId", "https://x.org/Practitioner/1", reader.NOTE_USER),
        ("patientId", "p" * 65, reader.NOTE_PATIENT),
        ("encounterId", 7, reader.NOTE_ENCOUNTER),
        ("selections", None, reader.NOTE_SELECTIONS),
    ],
)
def test_deviations_in_context_are_noted(member: str, value: object, note: str) -> None:
    call = a_call()
    call["context"][member] = value
    assert read(call).notes == (note,)


def test_notes_hold_nothing_of_the_call() -> None:
    call = a_call(hookInstance="SECRET", fhirServer="SECRET")
    call["context"] |= {"userId": "SECRET", "patientId": "SECRET" * 20, "encounterId": ["SECRET"]}
    assert "SECRET" not in " ".join(read(call).notes)


def test_one_old_selection_is_a_list_of_one() -> None:
    call = a_call()
    del call["context"]["selections"]
    call["context"]["selection"] = "MedicationRequest/a"
    request = read(call)
    assert request.selections == ("MedicationRequest/a",)
    assert request.notes == (reader.NOTE_SELECTION,)


def test_missing_selections_are_not_empty_selections() -> None:
    call = a_call()
    call["context"]["selections"] = []
    assert read(call).selections == ()
    del call["context"]["selections"]
    assert read(call).selections is None


def test_a_refusal_names_the_member_but_not_the_patient() -> None:
    call = a_call(fhirServer="https://x.org", fhirAuthorization={"patient": "other-secret"})
    call["context"]["patientId"] = "secret"
    error = refused(call)
    assert (error.status, error.pointer) == (400, "/fhirAuthorization/patient")
    assert "secret" not in error.message


def test_the_same_patient_as_a_reference_is_the_same_patient() -> None:
    call = a_call(fhirServer="https://x.org", fhirAuthorization={"patient": "Patient/p1", "access_token": "t"})
    assert read(call).patient_id == "p1"


def test_too_many_entries_are_413() -> None:
    entries = [{"resource": {}}] * 101
    call = a_call(prefetch={"observations": {"resourceType": "Bundle", "entry": entries}})
    with pytest.raises(Refused) as caught:
        read_request(json.dumps(call).encode(), "order-select", max_entries=100)
    assert caught.value.status == 413
    assert "100" in caught.value.message


def test_junk_entries_count_too() -> None:
    call = a_call(prefetch={"observations": {"entry": [{}] * 2600}})
    with pytest.raises(Refused) as caught:
        read_request(json.dumps(call).encode(), "order-select", max_entries=100)
    assert caught.value.status == 413


def test_duplicates_inside_prefetch_are_let_through() -> None:
    body = json.dumps(a_call(prefetch={"patient": 1})).encode().replace(b'"patient": 1', b'"patient":{"a":1,"a":2}')
    assert bytes(read_request(body, "order-select").prefetch["patient"]) == b'{"a":1,"a":2}'


def test_a_second_member_called_prefetch_elsewhere_does_no_harm() -> None:
    call = a_call(prefetch={"patient": {"a": 1}})
    call["context"]["prefetch"] = {"patient": {"a": 1}}
    assert bytes(read(call).prefetch["patient"]) == b'{"a": 1}'


def test_an_escaped_name_of_prefetch_is_prefetch() -> None:
    body = json.dumps(a_call(prefetch={"patient": {"a": 1}})).encode().replace(b'"prefetch"', b'"pre\\u0066etch"')
    assert bytes(read_request(body, "order-select").prefetch["patient"]) == b'{"a": 1}'


def test_numbers_too_large_stay_readable_when_tamed() -> None:
    tamed = msgspec.json.decode(tame_numbers(b'{"a":1e400,"b":[-1e999,1.5,2],"c":' + b"9" * 60 + b"}"))
    assert tamed == {"a": "1e400", "b": ["-1e999", 1.5, 2], "c": "9" * 60}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(SERVICES.values())), st.dictionaries(st.sampled_from([*a_call(), "prefetch"]), JSON))
def test_whatever_comes_is_read_or_refused(hook: str, changes: dict[str, object]) -> None:
    error = verdict(json.dumps({**a_call(hook), **changes}).encode(), hook)
    assert error is None or (error.status == 400 and error.message.endswith("."))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_request(body, "order-select")
    assert caught.value.status == 400


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0, max_value=900), st.integers(min_value=0, max_value=255))
def test_one_changed_byte_never_crashes(position: int, value: int) -> None:
    prefetch = {"patient": {"resourceType": "Patient", "id": "p1", "name": "ä"}}
    body = bytearray(json.dumps(a_call(prefetch=prefetch), ensure_ascii=False).encode())
    body[position % len(body)] = value
    error = verdict(bytes(body), "order-select")
    assert error is None or error.status == 400
