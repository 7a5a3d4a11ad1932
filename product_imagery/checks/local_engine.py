"""System checks of the local engine. Those of its files run with ``--deploy`` only: serving pages needs no engine."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError, EngineError
from product_imagery.providers.local.catalogue import CATALOGUE, MattingModel, chosen
from product_imagery.providers.local.model import ModelSpec


def _chosen() -> tuple[MattingModel, ModelSpec] | None:
    """Return the model of the settings, or ``None`` if they are wrong: E001 or E007 says so."""
    try:
        return chosen(get_settings().provider_settings()["engine"])
    except (ConfigurationError, KeyError):
        return None


@register(Tags.compatibility)
def check_model_name(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that the catalogue has no model of that name (E007)."""
    try:
        name = get_settings().model
    except ConfigurationError:
        return []
    if name in CATALOGUE:
        return []
    hint = f"There are: {', '.join(CATALOGUE)}. For another one, name the most similar and set MODEL_PATH."
    return [Error(f"There is no model “{name}” (MODEL).", id="product_imagery.E007", hint=hint)]


@register(Tags.files, deploy=True)
def check_model(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that the matting model has not been fetched (W002)."""
    found = _chosen()
    if found is None or Path(found[1].path).is_file():
        return []
    own = bool(get_settings().model_path)
    hint = "Correct MODEL_PATH." if own else "Run “manage.py imagery_model fetch” once on each machine with a worker."
    return [Warning(f"The matting model is not at {found[1].path}.", id="product_imagery.W002", hint=hint)]


@register(Tags.files, deploy=True)
def check_model_fits(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that the file of the matting model is not what the settings describe (W013)."""
    found = _chosen()
    if found is None or not Path(found[1].path).is_file():
        return []
    try:
        from product_imagery.providers.local.inference import check_file  # noqa: PLC0415  needs numpy, an extra

        check_file(found[1])
    except ImportError:  # W005 says it
        return []
    except EngineError as error:
        hint = "Let MODEL name the kind of model that the file is, and remove MODEL_SIDE: the file says it."
        return [Warning(error.message, id="product_imagery.W013", hint=hint)]
    return []


@register(Tags.compatibility, deploy=True)
def check_packages(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that packages of the engine are not installed (W005)."""
    missing = [name for name in ("numpy", "onnxruntime") if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    text = f"The local engine cannot work: {', '.join(missing)} is not installed."
    return [Warning(text, id="product_imagery.W005", hint="Run “pip install product-imagery[local]”.")]
