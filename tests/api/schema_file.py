"""Generate the packaged schema: ``python -m tests.api.schema_file`` rewrites ``product_imagery/api/openapi.json``.

The API serves this file; drf-spectacular runs only here and in the test that compares both.
"""

from __future__ import annotations

import json
import os
from typing import Any

import django

_SETTINGS = {
    "TITLE": "Product imagery",
    "DESCRIPTION": "Better product pictures: choose a preset, start an enhancement, review, publish, restore.",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "",
    "OAS_VERSION": "3.1.0",
    "ENUM_NAME_OVERRIDES": {
        "EnhancementStatus": "product_imagery.states.EnhancementStatus",
        "ItemStatus": "product_imagery.states.ItemStatus",
        "Review": "product_imagery.states.Review",
        "Publication": "product_imagery.states.Publication",
        "EndpointState": "product_imagery.models.WebhookEndpoint.State",
        "DeliveryState": "product_imagery.models.EventDelivery.State",
        "Event": "product_imagery.models.Event",
    },
}


def generate(patterns: Any = None) -> Any:
    """Generate the schema from the views, or from those of other URL patterns."""
    from django.utils import translation
    from drf_spectacular import plumbing
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings

    from product_imagery import __version__
    from product_imagery.api.schema import webhooks

    plumbing._load_enum_name_overrides.cache_clear()  # of a schema that was generated with other settings
    with translation.override("en"), patched_settings({**_SETTINGS, "VERSION": __version__}):
        generator: Any = SchemaGenerator(patterns=patterns, urlconf="product_imagery.api.urls")  # type: ignore[no-untyped-call]
        found: Any = generator.get_schema(request=None, public=True)
    return {**found, "webhooks": webhooks()}


def text() -> str:
    """Return the generated schema as the text of the file."""
    return json.dumps(generate(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    django.setup()
    from product_imagery.api.views.schema import FILE

    FILE.write_text(text())
