"""System checks of what protects secrets and opens foreign files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import PIL
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from product_imagery.encryption import seal
from product_imagery.exceptions import ConfigurationError

_PILLOW = 13  #: the oldest major version without known holes


@register(Tags.security)
def check_secret_keys(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find an invalid Fernet key in ``SECRET_KEYS``, with which secrets are encrypted (E004)."""
    try:
        seal("", "check")
    except ConfigurationError:  # E001 says it
        return []
    except ValueError as error:
        hint = (
            "Make one with “python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'”."
        )
        text = f"SECRET_KEYS contains an invalid key: {error}"
        return [Error(text, id="product_imagery.E004", hint=hint)]
    return []


@register(Tags.security)
def check_pillow(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find a version of Pillow with known security holes (W006)."""
    if int(PIL.__version__.partition(".")[0]) >= _PILLOW:
        return []
    text = f"Pillow {PIL.__version__} has known security holes."
    return [Warning(text, id="product_imagery.W006", hint=f"Install Pillow {_PILLOW} or newer.")]
