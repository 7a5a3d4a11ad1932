"""The look that a request asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from product_imagery.exceptions import RequestError
from product_imagery.flows.start import Look, look_of_operation, look_of_preset
from product_imagery.models import ApiKey, ProviderCredential


def look_of(asked: dict[str, Any], key: ApiKey | None) -> Look:
    """By preset or operation. A test key gets the local engine, whatever it asks for. Raises ``RequestError``."""
    is_test = bool(key and key.is_test)
    account = None if is_test else _account(asked.get("credential", ""))
    if asked.get("preset"):
        if is_test:
            account = ProviderCredential.objects.for_provider("local")
        look = look_of_preset(asked["preset"], asked["options"], account)
    else:
        look = look_of_operation(asked["operation"], asked["options"], account)
    return replace(look, is_test=is_test)


def _account(label: str) -> ProviderCredential | None:
    if not label:
        return None
    found = ProviderCredential.objects.filter(label=label).first()
    if found is None:
        raise RequestError(f"There is no account “{label}”.", code="unknown_credential")
    return found
