"""Numbered system checks with a hint each."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import PIL
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, router

from product_imagery.background import queue_problems
from product_imagery.conf import get_settings
from product_imagery.encryption import seal
from product_imagery.exceptions import ConfigurationError
from product_imagery.flows.preconditions import too_short
from product_imagery.models import ProviderJob
from product_imagery.products import registered
from product_imagery.provider_kit.registry import discover
from product_imagery.storage.store import results_storage

_PILLOW = 13


@register(Tags.compatibility)
def check_settings(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """E001: a setting is unknown or of the wrong type."""
    try:
        get_settings()
    except ConfigurationError as error:
        return [Error(error.message, id="product_imagery.E001", hint="See the settings table in the README.")]
    return []


@register(Tags.models)
def check_registrations(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W001: no model is registered, so nothing can be enhanced."""
    if registered():
        return []
    hint = "Write imagery.py in your product app, as the README shows."
    return [Warning("No product model is registered.", id="product_imagery.W001", hint=hint)]


@register(Tags.models)
def check_target_fields(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W010: no name of a published file fits a target field, so nothing is started for its products."""
    sentences = filter(None, map(too_short, registered()))
    return [Warning(sentence, id="product_imagery.W010", hint="Then make a migration.") for sentence in sentences]


@register(Tags.files, deploy=True)
def check_model(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W002, with ``--deploy``: the matting model has not been fetched. Machines that only serve pages need none."""
    try:
        path = Path(get_settings().provider_settings()["engine"]["model"]["path"])
    except ConfigurationError:
        return []
    if path.is_file():
        return []
    own = bool(get_settings().model_path)
    hint = "Correct MODEL_PATH." if own else "Run “manage.py imagery_model fetch” once on each machine with a worker."
    return [Warning(f"The matting model is not at {path}.", id="product_imagery.W002", hint=hint)]


@register(Tags.compatibility, deploy=True)
def check_engine(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W005, with ``--deploy``: the packages of the local engine are not installed."""
    missing = [name for name in ("numpy", "onnxruntime") if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    text = f"The local engine cannot work: {', '.join(missing)} is not installed."
    return [Warning(text, id="product_imagery.W005", hint="Run “pip install product-imagery[local]”.")]


@register(Tags.security)
def check_keys(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """E004: the keys with which secrets are encrypted are none."""
    try:
        seal("", "check")
    except ConfigurationError:  # E001 says it
        return []
    except ValueError as error:
        hint = (
            "Make one with “python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'”."
        )
        return [Error(f"An entry of SECRET_KEYS is no key: {error}", id="product_imagery.E004", hint=hint)]
    return []


@register(Tags.security)
def check_pillow(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W006: the installed Pillow opens foreign files with known holes."""
    if int(PIL.__version__.partition(".")[0]) >= _PILLOW:
        return []
    text = f"Pillow {PIL.__version__} has known security holes."
    return [Warning(text, id="product_imagery.W006", hint=f"Install Pillow {_PILLOW} or newer.")]


@register(Tags.database)
def check_sqlite(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> Sequence[CheckMessage]:
    """W003: SQLite without IMMEDIATE transactions loses writes to “database is locked” under load.

    Only the database of this app is looked at: the others are the host's.
    """
    messages: list[CheckMessage] = []
    for alias in {router.db_for_write(ProviderJob)} & set(databases or ()):
        connection = connections[alias]
        options = connection.settings_dict.get("OPTIONS", {})
        if connection.vendor == "sqlite" and str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
            hint = 'Set OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20, …} as the README shows.'
            text = f"Database “{alias}” begins transactions late."
            messages.append(Warning(text, id="product_imagery.W003", hint=hint))
    return messages


@register(Tags.compatibility)
def check_queue(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W004: the settings of django-q2 make it repeat or kill slices of the worker loop."""
    try:
        problems = queue_problems()
    except ConfigurationError:  # E001 says it
        return []
    return [Warning(text, id="product_imagery.W004", hint="See Q_CLUSTER in the README.") for text in problems]


@register(Tags.files)
def check_storage(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W007: the storage for results overwrites files of the same name. E003: the storage for results cannot be used."""
    try:
        overwrites = getattr(results_storage(), "file_overwrite", False)
    except Exception as error:  # noqa: BLE001  any storage may fail in any way to be built; that is the finding
        return [Error(f"The storage for results cannot be used: {error}", id="product_imagery.E003")]
    if overwrites:
        hint = (
            "Give results a storage of their own, an alias in STORAGES with file_overwrite False, and name it in "
            'PRODUCT_IMAGERY["STORAGE"]: yours may stay as it is. See “S3” in the README.'
        )
        return [Warning("The storage for results overwrites files.", id="product_imagery.W007", hint=hint)]
    return []


@register(Tags.compatibility)
def check_providers(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """W012: an installed package names a provider that cannot be used. E005: two providers have the same slug."""
    broken_hint = "Update or uninstall the package. Everything else works without it."
    duplicate_hint = "Uninstall one of the two packages, or ask its author for another slug."
    return [
        Error(problem.message, id="product_imagery.E005", hint=duplicate_hint)
        if problem.is_duplicate
        else Warning(problem.message, id="product_imagery.W012", hint=broken_hint)
        for problem in discover().problems
    ]
