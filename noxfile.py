"""One command for each kind of check: ``nox -s lint``, ``types``, ``tests``, ``docs`` or ``package``; ``nox`` runs all.

``nox -s "matrix(python='3.12', django='6.0')"`` runs the tests on one combination, as CI does. What follows ``--``
goes to pytest: ``nox -s tests -- tests/api``. ``nox -s quick`` runs the tests that are not slow.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests", "docs", "package"]
nox.options.reuse_existing_virtualenvs = True

EXTRAS = ".[local,provenance,postgres,redis,s3,docs,test-thumbnails,test-queues,dev]"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
DJANGOS = ["5.2", "6.0"]
COMBINATIONS = [(python, django) for django in DJANGOS for python in PYTHONS if (python, django) != ("3.11", "6.0")]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, import rules, declared dependencies and migrations."""
    session.install("-e", EXTRAS)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("deptry", ".")
    session.run("python", "manage.py", "makemigrations", "--check", "--dry-run")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    session.install("-e", EXTRAS)
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the Python that runs nox and the newest Django."""
    session.install("-e", EXTRAS)
    session.run("pytest", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests that are not slow, in two processes, within about a minute."""
    session.install("-e", EXTRAS)
    session.run("pytest", "-q", "--no-cov", "-n", "2", "-m", "not slow", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests with coverage, which takes twice as long, and compare it with the bound in pyproject.toml."""
    session.install("-e", EXTRAS)
    session.run("pytest", "-q", "--cov", "--cov-report=term", *session.posargs)


@nox.session
@nox.parametrize(("python", "django"), COMBINATIONS)
def matrix(session: nox.Session, django: str) -> None:
    """Run the tests on one Python and one Django."""
    session.install("-e", EXTRAS, f"django~={django}.0")
    session.run("pytest", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into ``docs/_build/html``; warnings are errors."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "docs-build"))
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel into ``dist`` and check their metadata."""
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", "dist", ".")
    session.run("twine", "check", "--strict", *map(str, Path("dist").glob("product_imagery-*")))
