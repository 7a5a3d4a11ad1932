"""The look that a request asks for."""

from __future__ import annotations

from typing import Any

from product_imagery.exceptions import RequestError
from product_imagery.flows.look import Look, look_of_operation, look_of_preset, sandboxed
from product_imagery.models import ApiKey, ProviderCredential


def look_of(asked: dict[str, Any], key: ApiKey | None) -> Look:
    """By preset or operation. A test key gets the local engine, whatever it asks for. Raises ``RequestError``."""
    preset, operation, options = asked.get("preset", ""), asked.get("operation", ""), asked["options"]
    account = _account(asked.get("credential", ""))
    if key and key.is_test:
        return sandboxed(options, preset=preset, operation=operation, credential=account)
    if preset:
        return look_of_preset(preset, options, account)
    return look_of_operation(operation, options, account)


def _account(label: str) -> ProviderCredential | None:
    if not label:
        return None
    found = ProviderCredential.objects.filter(label=label).first()
    if found is None:
        raise RequestError(f"There is no account “{label}”.", code="unknown_credential")
    return found
