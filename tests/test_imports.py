"""What a process may load: the dear libraries stay out of a worker, and the web out of the demonstration."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from tests.bench.bodies import body

ROOT = Path(__file__).parents[1]

WORKER = """
import sys
from tests.bench.wsgi import caller
from cds_service.web.build import build_app
answer = caller(build_app())(sys.stdin.buffer.read())
print(answer.decode())
print(" ".join(sys.modules))
"""
DEMO = """
import contextlib, io, sys
sys.argv = ["cramp-cds", "demo"]
from cds_service.cli import main
with contextlib.redirect_stdout(io.StringIO()) as shown:
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, shown.getvalue()
print(len(shown.getvalue()))
print(" ".join(sys.modules))
"""


def run(program: str, folder: Path, sent: bytes = b"") -> tuple[str, set[str]]:
    environ = {**os.environ, "CDS_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, cwd=ROOT, env=environ)
    assert ended.returncode == 0, ended.stderr.decode()
    first, modules = ended.stdout.decode().rstrip("\n").rsplit("\n", 1)
    return first, set(modules.split())


def loaded(modules: set[str], *names: str) -> list[str]:
    return sorted(name for name in names if name in modules or any(held.startswith(f"{name}.") for held in modules))


def test_a_worker_answers_without_the_libraries_of_other_commands(tmp_path: Path) -> None:
    answer, modules = run(WORKER, tmp_path, body("small", date(2026, 11, 22)))

    assert "cards" in json.loads(answer)
    assert "flask" in modules
    assert (
        loaded(modules, "fhir.resources", "jsonschema", "sqlalchemy", "rich", "requests", "cds_service.simulation")
        == []
    )
    # Source attributes are for people who ask for them: no call pays for them.
    assert loaded(modules, "cds_service.knowledge.source_attributes", "cds_service.knowledge.uses") == []


def test_the_demonstration_loads_no_web_and_no_models(tmp_path: Path) -> None:
    shown, modules = run(DEMO, tmp_path)

    assert int(shown) > 100
    assert "cds_service.decide" in modules
    assert loaded(modules, "flask", "requests", "fhir.resources", "jsonschema", "pydantic_settings") == []
