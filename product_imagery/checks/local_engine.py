"""System checks of the local engine, with ``--deploy`` only: a machine that only serves pages needs no engine."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError


@register(Tags.files, deploy=True)
def check_model(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that the matting model has not been fetched (W002)."""
    try:
        path = Path(get_settings().provider_settings()["engine"]["model"]["path"])
    except ConfigurationError:  # E001 says it
        return []
    if path.is_file():
        return []
    own = bool(get_settings().model_path)
    hint = "Correct MODEL_PATH." if own else "Run “manage.py imagery_model fetch” once on each machine with a worker."
    return [Warning(f"The matting model is not at {path}.", id="product_imagery.W002", hint=hint)]


@register(Tags.compatibility, deploy=True)
def check_packages(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that packages of the engine are not installed (W005)."""
    missing = [name for name in ("numpy", "onnxruntime") if importlib.util.find_spec(name) is None]
    if not missing:
        return []
    text = f"The local engine cannot work: {', '.join(missing)} is not installed."
    return [Warning(text, id="product_imagery.W005", hint="Run “pip install product-imagery[local]”.")]
