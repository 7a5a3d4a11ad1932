"""The description of the API, for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery import __version__
from product_imagery.api.base import ApiView
from product_imagery.api.schema import webhooks

_SETTINGS = {
    "TITLE": "Product imagery",
    "DESCRIPTION": "Better product pictures: choose a look, start, look, review, publish, restore.",
    "VERSION": __version__,
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


class Schema(ApiView):
    """OpenAPI 3, made from the views themselves. Open to everybody."""

    schema = None  # type: ignore[assignment]
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """All operations, with where this site has them."""
        return Response(described(request))


def described(request: Request | None = None) -> Any:
    """The schema as a dict."""
    with patched_settings(_SETTINGS):
        generator: Any = SchemaGenerator(urlconf="product_imagery.api.urls")  # type: ignore[no-untyped-call]
        found: Any = generator.get_schema(request=None, public=True)
    found["webhooks"] = webhooks()
    if request is not None:
        found["servers"] = [{"url": request.build_absolute_uri(request.path.removesuffix("/schema"))}]
    return found
