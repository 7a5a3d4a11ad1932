"""Settings, checks, documents and the shape of the code."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import checks
from django.core.management import call_command

import product_imagery
from product_imagery.checks.database import check_sqlite
from product_imagery.conf import described, get_settings
from product_imagery.exceptions import ConfigurationError

_ROOT = Path(product_imagery.__file__).parent
_README = (_ROOT.parent / "README.md").read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"SLOT": 3}, "has no key SLOT. There are: STORAGE"),
        ({"SLOTS": "three"}, "has to be int, not str"),
        ({"MODEL_MEAN": 1}, "has to be list or tuple"),
        ([], "has to be a dict"),
        ({"SLOTS": 0}, "has to be more than 0"),
        ({"SLOTS": True}, "has to be int, not bool"),
        ({"PIN_THREADS": 1}, "has to be bool, not int"),
        ({"FOLDER": "../x"}, "has to be a folder inside the storage"),
        ({"MODEL_URL": "http://insecure.example"}, "has to begin with https://"),
    ],
)
def test_wrong_settings_are_named(settings: Any, given: Any, says: str) -> None:
    settings.PRODUCT_IMAGERY = given
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        get_settings()
    assert "product_imagery.E001" in _ids()


def test_settings_follow_overrides(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"SLOT_SECONDS": 3}
    assert get_settings().slot_seconds == 3
    settings.PRODUCT_IMAGERY = {}
    assert get_settings().slot_seconds == 15


def _ids(**arguments: Any) -> set[str]:
    return {str(message.id) for message in checks.run_checks(**arguments) if "product_imagery" in str(message.id)}


@pytest.mark.django_db
def test_the_example_project_is_set_up_well(model_file: Path) -> None:
    assert _ids(databases=["default"]) == set()


def test_a_missing_model_is_noticed(settings: Any, tmp_path: Path) -> None:
    settings.PRODUCT_IMAGERY = {"MODEL_FOLDER": str(tmp_path)}
    assert "product_imagery.W002" in _ids(include_deployment_checks=True)
    assert "product_imagery.W002" not in _ids()  # a machine that only serves pages needs none


def test_a_storage_that_overwrites_is_noticed(settings: Any) -> None:
    options = {"bucket_name": "x", "region_name": "eu-central-1"}
    pytest.importorskip("boto3", reason="the s3 extra is not installed")
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    (message,) = [one for one in checks.run_checks() if one.id == "product_imagery.W007"]
    assert not message.is_serious()  # it stops no command
    assert 'PRODUCT_IMAGERY["STORAGE"]' in str(message.hint)


def test_a_storage_that_cannot_be_built_is_noticed(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"STORAGE": "nowhere"}
    assert "product_imagery.E003" in _ids()


@pytest.mark.django_db
@pytest.mark.sqlite
def test_late_transactions_on_sqlite_are_noticed(settings: Any) -> None:
    from django.db import connections

    options = connections["default"].settings_dict["OPTIONS"]
    mode = options.pop("transaction_mode")
    try:
        assert "product_imagery.W003" in _ids(databases=["default"])
        assert check_sqlite(None, databases=["catalog"]) == []  # the host's
    finally:
        options["transaction_mode"] = mode


@pytest.mark.slow
def test_nothing_is_left_that_would_end_the_host_s_workers(tmp_path: Path) -> None:
    """After ``migrate product_imagery zero``, and after any later migrate."""
    environment = {**os.environ, "VAR_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    code = """
from django.core.management import call_command
import django; django.setup()
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task
from product_imagery.background import enqueue_slice
call_command("migrate", verbosity=0)
enqueue_slice(); async_task("math.sqrt", 4)
counts = [(Schedule.objects.count(), OrmQ.objects.count())]
call_command("migrate", "product_imagery", "zero", verbosity=0)
call_command("migrate", "sessions", verbosity=0)
counts.append((Schedule.objects.count(), OrmQ.objects.count()))
call_command("migrate", verbosity=0)
counts.append((Schedule.objects.count(), OrmQ.objects.count()))
print(counts)
"""
    command = [sys.executable, "-c", code]
    environment["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[(1, 2), (0, 1), (1, 1)]", done.stderr


def test_the_readme_s_table_of_settings_is_the_code_s() -> None:
    rows = re.findall(r"^\| `[A-Z_]+` \|.*$", _README, re.M)
    assert 5 < len(rows) < 12
    assert set(rows) <= {f"| `{key}` | `{default!r}` | {text} |" for key, default, text in described()}


def test_the_readme_has_a_readable_length() -> None:
    assert 120 <= len(_README.splitlines()) <= 245


def test_every_command_of_the_readme_exists() -> None:
    commands = {path.stem for path in (_ROOT / "management/commands").glob("imagery_*.py")}
    assert set(re.findall(r"imagery_[a-z]+", _README)) <= commands


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def _functions() -> list[tuple[str, ast.FunctionDef]]:
    found = []
    for path in _ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text())
        found += [(f"{path.name}:{node.name}", node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return found


def test_modules_and_functions_stay_small() -> None:
    lengths = {
        path: len(path.read_text().splitlines()) for path in _ROOT.rglob("*.py") if "migrations" not in path.parts
    }
    assert max(lengths.values()) <= 340, max(lengths, key=lambda path: lengths[path])
    long = [name for name, node in _functions() if (node.end_lineno or 0) - node.lineno >= 50]
    assert long == []


def test_at_most_a_few_broad_excepts_each_with_its_reason() -> None:
    lines = [
        line for path in _ROOT.rglob("*.py") for line in path.read_text().splitlines() if "except Exception" in line
    ]
    assert len(lines) <= 11
    assert all(len(line.partition("#")[2].strip()) > 20 for line in lines)


def test_what_opens_foreign_pictures_is_new_enough() -> None:
    """F12: older versions of Pillow have known holes."""
    wanted = [one for one in requires("product-imagery") or [] if one.lower().startswith("pillow")]
    assert wanted == ["pillow>=13"]
    assert int(version("pillow").split(".")[0]) >= 13


def test_keys_for_secrets_that_are_none(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": ["not a key"]}
    assert "product_imagery.E004" in _ids()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": [Fernet.generate_key().decode()]}
    assert "product_imagery.E004" not in _ids()


def test_an_imaging_library_with_known_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "product_imagery.W006" not in _ids()
    monkeypatch.setattr("PIL.__version__", "12.3.0")
    assert "product_imagery.W006" in _ids()


#: replaces the module's own process and its patience, for which there is no public seam yet
_NOT_YET = {"flows/test_previews.py"}
_PATCHERS = {"setattr", "delattr", "setitem", "patch", "object", "multiple"}


def _private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def _patched_privates(tree: ast.AST) -> Iterator[str]:
    """Yield the private names that a test module replaces: by a patching call, or by assignment to one of ours."""
    ours: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("product_imagery"):
            ours |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            ours |= {(alias.asname or alias.name).split(".")[0] for alias in node.names if "imagery" in alias.name}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _PATCHERS:
            given = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            given += [ast.unparse(one) for one in node.args[:1] if isinstance(one, ast.Attribute)]
            yield from (name for name in given if isinstance(name, str) and _private(name))
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            target = ast.unparse(node.value if isinstance(node, ast.Subscript) else node)
            if target.partition(".")[0] in ours and _private(target):
                yield target


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("monkeypatch.setattr(store, '_save', broken)", ["_save"]),
        ("monkeypatch.setattr('product_imagery.storage.store._save', broken)", ["product_imagery.storage.store._save"]),
        ("mock.patch('product_imagery.flows._x.name')", ["product_imagery.flows._x.name"]),
        ("mock.patch.object(store, '_save')", ["_save"]),
        ("from product_imagery.storage import store\nstore._save = broken", ["store._save"]),
        ("from product_imagery import products\nproducts._registered[Product] = 1", ["products._registered"]),
        ("monkeypatch.setattr(loop, 'ROUND_SECONDS', 0.01)\nmonkeypatch.setattr(Job, '__str__', str)", []),
        ("class Wrapped(FileSystemStorage):\n    def __init__(self):\n        self._wrapper = 1", []),
    ],
)
def test_each_way_to_replace_a_private_name_is_found(code: str, names: list[str]) -> None:
    assert list(_patched_privates(ast.parse(code))) == names


def test_no_test_replaces_a_private_name_of_the_product() -> None:
    """A test goes through what others may use too: settings, signals, storages, statements and public names.

    The programs of ``chaos`` and ``benchmarks`` are no tests: they switch safeguards off on purpose.
    """
    tests = Path(__file__).parent
    programs = (tests / "chaos", tests / "benchmarks")
    found = {
        f"{path.relative_to(tests)}: {name}"
        for path in tests.rglob("*.py")
        if not any(folder in path.parents for folder in programs) and path.relative_to(tests).as_posix() not in _NOT_YET
        for name in _patched_privates(ast.parse(path.read_text()))
    }
    assert found == set()
