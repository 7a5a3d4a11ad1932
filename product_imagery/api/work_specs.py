"""Work specs of requests."""

from __future__ import annotations

from typing import Any

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements.specs import WorkSpec, spec_for_test_key, spec_of_operation, spec_of_preset
from product_imagery.models import ApiKey, ProviderCredential


def work_spec_of(validated: dict[str, Any], key: ApiKey | None) -> WorkSpec:
    """Return the work spec of validated ``WorkSpecIn`` data; for test keys, with the local engine.

    Raises ``RequestError`` for options, presets and credentials that cannot be used.
    """
    preset, operation, options = validated.get("preset", ""), validated.get("operation", ""), validated["options"]
    credential = _credential(validated.get("credential", ""))
    if key and key.is_test:
        return spec_for_test_key(options, preset=preset, operation=operation, credential=credential)
    if preset:
        return spec_of_preset(preset, options, credential)
    return spec_of_operation(operation, options, credential)


def _credential(label: str) -> ProviderCredential | None:
    if not label:
        return None
    found = ProviderCredential.objects.filter(label=label).first()
    if found is None:
        raise RequestError(f"There is no credential “{label}”.", code="unknown_credential")
    return found
