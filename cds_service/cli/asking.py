"""`request` and `call`: print a synthetic request, or post one to any CDS Hooks service and draw the answer."""

import json

import click

from cds_service.cli.output import FINDINGS, UNREACHABLE, emit, json_option, stop

SECONDS = 30


@click.command()
@click.argument("name", metavar="PATIENT")
def request(name: str) -> None:
    """Print the request of a synthetic patient (or a file) with today's dates, ready for curl --data @-."""
    from cds_service.cli.judging import wanted_request

    emit(wanted_request(name))


@click.command()
@click.argument("url")
@click.argument("request_or_patient", metavar="REQUEST.json")
@click.option("--whole", is_flag=True, help="Show the whole text of each card.")
@json_option
def call(url: str, request_or_patient: str, whole: bool, as_json: bool) -> None:
    """Post a request to a CDS Hooks service (URL of the service, or of its discovery) and draw the answer."""
    from cds_service.cli.judging import wanted_request

    body = wanted_request(request_or_patient)
    status, text = _post(_address(url, str(body.get("hook"))), body)
    try:
        answer = json.loads(text)
    except ValueError:
        stop(UNREACHABLE, f"The service answered {status} with a body that is not JSON: {text[:200]!r}")
    if as_json:
        emit({"status": status, "body": answer})
    if status != 200:
        stop(FINDINGS, f"{status}: {_diagnostics(answer)}")
    if not as_json:
        from cds_service.cli.drawing import console, draw_cards

        draw_cards(console(), answer.get("cards", []), whole)


def _address(url: str, hook: str) -> str:
    """The address of the service: discovery and base addresses are completed from what discovery says."""
    import requests

    plain = url.rstrip("/")
    if "/cds-services/" in plain:
        return plain
    base = plain if plain.endswith("/cds-services") else f"{plain}/cds-services"
    try:
        found = requests.get(base, timeout=SECONDS)
        services = found.json()["services"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        stop(UNREACHABLE, f"{base} gives no discovery answer: {type(error).__name__}.")
    ids = [service["id"] for service in services if service.get("hook") == hook]
    if not ids:
        stop(FINDINGS, f"{base} offers no service for the hook {hook}.")
    return f"{base}/{ids[0]}"


def _post(url: str, body: dict[str, object]) -> tuple[int, str]:
    import requests

    try:
        answer = requests.post(url, json=body, timeout=SECONDS)
    except requests.RequestException as error:
        stop(UNREACHABLE, f"{url} cannot be reached: {type(error).__name__}.")
    return answer.status_code, answer.text


def _diagnostics(answer: object) -> str:
    issues = answer.get("issue", []) if isinstance(answer, dict) else []
    texts = [str(issue.get("diagnostics", "")) for issue in issues if isinstance(issue, dict)]
    return "; ".join(text for text in texts if text) or "no reason given"
