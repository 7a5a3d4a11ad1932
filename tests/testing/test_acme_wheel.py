"""A provider in a wheel of its own: built, installed into a folder of its own, and used by processes of their own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from product_imagery.testing.conformance import CASES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "acme_wheel"


def _run(*command: str, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def _can_build() -> bool:
    """Whether the setuptools of this environment is the one that the project asks for."""
    try:
        major, minor = importlib.metadata.version("setuptools").split(".")[:2]
    except importlib.metadata.PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (70, 1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed."""
    place = tmp_path_factory.mktemp("acme")
    source, wheels, site = place / "source", place / "wheels", place / "site"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    isolation = ["--no-build-isolation"] if _can_build() else []  # else pip fetches setuptools for the build
    _run("-m", "pip", "wheel", "--quiet", "--no-deps", *isolation, "--wheel-dir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    return site


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), "VAR_DIR": str(tmp_path)}


def test_it_is_listed_with_its_distribution(environment: dict[str, str]) -> None:
    facts = json.loads(_run("manage.py", "imagery_providers", "--json", **environment))
    acme = {fact["provider"]: fact for fact in facts}["acme"]
    assert acme["distribution"] == "acme-imagery 1.0"
    assert acme["price"] == "small: 1, large: 2 credits"
    assert "acme-imagery" not in _run("manage.py", "check", **environment)


@pytest.mark.parametrize(
    ("module", "tests"), [("test_acme.py", len(CASES) + 1), ("test_in_a_shop.py", 1)], ids=["author", "shop"]
)
def test_its_own_tests_pass(module: str, tests: int, environment: dict[str, str]) -> None:
    """Conformance, and a picture bought at the stand-in by a shop's worker."""
    command = ["-m", "pytest", "-q", "--no-cov", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers"]
    assert f"{tests} passed" in _run(*command, str(SOURCE / "tests" / module), **environment)
