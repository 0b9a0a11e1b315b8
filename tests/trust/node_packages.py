"""The npm packages of tests/trust/node, installed from their lock file into a folder of the test."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "node"


def installed(folder: Path) -> str:
    """The program `node`, once the packages are in `folder`; skips where node, npm or the packages cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm (Debian: nodejs, npm)")
    for path in HERE.iterdir():
        shutil.copy(path, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    ended = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=180)
    if ended.returncode:
        pytest.skip(f"needs node packages: npm ci ended with {ended.returncode}")
    return node
