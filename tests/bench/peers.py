"""What the service is compared with, in this interpreter: naive Flask, and validation of whole Bundles."""

import json
from collections.abc import Callable
from datetime import date
from wsgiref.types import WSGIApplication

from flask import Flask, Response, jsonify, request

from tests.bench import limit
from tests.bench.bodies import Json

_DIURETICS = {"310798", "313988"}
_TESTS = {
    "2823-3": (3.5, "mmol/L"),
    "2951-2": (135, "mmol/L"),
    "19123-9": (1.7, "mg/dL"),
    "33914-3": (60, "mL/min/{1.73_m2}"),
}


def naive_flask(today: date) -> WSGIApplication:
    """A service as one writes it in an afternoon: get_json, dictionaries, jsonify; no check of anything."""
    app = Flask("naive")

    @app.post("/cds-services/cramp-order-select")
    def call() -> Response:
        found = request.get_json()
        return jsonify({"cards": [limit.card(text) for text in dict_rules(found, today)]})

    return app


def dict_rules(call: Json, today: date) -> list[str]:
    """The six rules of the limit over plain dictionaries."""
    prefetch = call["prefetch"]
    drafts = [_codes(e["resource"].get("medicationCodeableConcept")) for e in call["context"]["draftOrders"]["entry"]]
    running = [
        code
        for e in prefetch["medications"].get("entry", ())
        if e["resource"].get("status") == "active"
        for code in _codes(e["resource"].get("medicationCodeableConcept"))
    ]
    labs = _latest(prefetch["observations"].get("entry", ()))
    problems = {code for e in prefetch["conditions"].get("entry", ()) for code in _codes(e["resource"].get("code"))}
    age = today.year - int(prefetch["patient"]["birthDate"][:4])
    diuretic = any(_DIURETICS & codes for codes in drafts)
    quinine = any("997010" in codes for codes in drafts)
    low = [code for code, (limit_, _) in _TESTS.items() if code in labs and labs[code][1] < limit_]
    found = [f"{code} is {labs[code][1]} on {labs[code][0]}" for code in low[:3] if diuretic]
    found += ["Cramps recorded: the diuretic may add to them"] if diuretic and "449917004" in problems else []
    found += [f"Quinine for cramps at {age} years"] if quinine and "449917004" in problems else []
    found += ["Baclofen with a low eGFR"] if "197391" in running and "33914-3" in low else []
    return found


def _codes(concept: Json | None) -> set[str]:
    return {coding.get("code", "") for coding in (concept or {}).get("coding", ())}


def _latest(entries: list[Json]) -> dict[str, tuple[str, float]]:
    labs: dict[str, tuple[str, float]] = {}
    for entry in entries:
        observation = entry["resource"]
        quantity = observation.get("valueQuantity")
        if observation.get("status") != "final" or not quantity:
            continue
        for code in _codes(observation.get("code")) & _TESTS.keys():
            when = observation.get("effectiveDateTime", "")
            if quantity.get("code") == _TESTS[code][1] and (code not in labs or when > labs[code][0]):
                labs[code] = (when, quantity["value"])
    return labs


def bundle_validation() -> Callable[[bytes], int]:
    """What a design pays that validates every Bundle of a call with fhir.resources (R4B) before it reads it."""
    from fhir.resources.R4B.bundle import Bundle
    from fhir.resources.R4B.patient import Patient

    def validate(body: bytes) -> int:
        call = json.loads(body)
        Patient.model_validate(call["prefetch"]["patient"])
        held = [value for value in (*call["prefetch"].values(), call["context"]["draftOrders"]) if "entry" in value]
        return sum(len(Bundle.model_validate(bundle).entry) for bundle in held)

    return validate
