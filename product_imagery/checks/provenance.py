"""System check of the certificate with which results are signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError
from product_imagery.flows.results.provenance import open_signer


@register(Tags.security)
def check_provenance(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find a certificate or key in ``PROVENANCE`` that cannot sign, or a missing package (E006)."""
    try:
        wanted = get_settings().provenance
    except ConfigurationError:  # E001 says it
        return []
    try:
        if wanted:
            open_signer().close()
    except ConfigurationError as error:
        hint = "Until then, results wait and nothing is bought again. Correct it, or remove PROVENANCE."
        return [Error(str(error), id="product_imagery.E006", hint=hint)]
    return []
