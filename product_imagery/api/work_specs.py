"""Work specs of requests."""

from __future__ import annotations

from typing import Any

from product_imagery.flows.enhancements.specs import WorkSpec, credential_of, spec_for_test_key, spec_of_request
from product_imagery.models import ApiKey


def work_spec_of(validated: dict[str, Any], key: ApiKey | None) -> WorkSpec:
    """Return the work spec of validated ``WorkSpecIn`` data; for test keys, with the local engine.

    Raises ``RequestError`` for options, presets and credentials that cannot be used.
    """
    preset, operation, options = validated.get("preset", ""), validated.get("operation", ""), validated["options"]
    credential = credential_of(validated.get("credential", ""))
    if key and key.is_test:
        return spec_for_test_key(options, preset=preset, operation=operation, credential=credential)
    return spec_of_request(None, preset, operation, options, credential)
