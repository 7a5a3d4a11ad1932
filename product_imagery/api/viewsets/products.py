"""Products of the shop, and uploads of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api import products
from product_imagery.api.base import PICTURE_PARSERS, ApiViewSet
from product_imagery.api.filters import ProductFilters
from product_imagery.api.idempotency import idempotent_response
from product_imagery.api.pictures import IncomingPicture, NewProductIn, receive_pictures
from product_imagery.api.schema import IDEMPOTENCY_KEY, enveloped, extend_schema, paged
from product_imagery.api.serializers.products import ProductOut, ProductPictureOut
from product_imagery.flows.enhancements import uploads
from product_imagery.models import Upload
from product_imagery.products import ProductImages, ProductPicture

_PRODUCT = enveloped("product", {200: ProductOut})


class ProductViewSet(ApiViewSet):
    """The products that the caller may view, and the caller's uploads."""

    serializer_class = ProductOut
    parser_classes = PICTURE_PARSERS
    filter_class = ProductFilters
    singular, plural = "product", "products"
    lookup_field, lookup_value_converter = "identity", "str"
    input_serializers = {"create": NewProductIn}
    throttle_weights = {"create": 5}

    @extend_schema(summary="List products", responses=paged("products", ProductOut))
    def list(self, request: Request) -> Response:
        """List products kind by kind, the newest of each kind first. The filter `kind` selects one kind."""
        kinds = {products.kind_of(one): one for one in self.viewer.kinds()}
        wanted = self.validated_filters().get("kind")
        if wanted is not None and wanted not in kinds:
            raise ValidationError({"kind": [f"There is no such kind. Known kinds: {', '.join(kinds)}."]})
        chosen = [one for name, one in kinds.items() if wanted in (None, name)]
        paginator: Any = self.paginator
        page = paginator.paginate_querysets([self.viewer.rows(one) for one in chosen], request, self)
        shown: list[dict[str, Any]] = []
        for description in chosen:
            rows = [row for row in page if isinstance(row, description.model)]
            pictures = products.pictures_of(description, rows)
            shown += [self._shown(description, row, pictures.get(str(row.pk), [])) for row in rows]
        return self.get_paginated_response(shown)

    @extend_schema(
        summary="Create a product",
        parameters=[IDEMPOTENCY_KEY],
        responses=enveloped("product", {201: ProductOut}),
    )
    def create(self, request: Request) -> Response:
        """Upload a picture that belongs to no product of the shop. A `source_url` is fetched when needed."""
        picture = IncomingPicture.from_validated(self.validated_input())
        with receive_pictures([picture], self.viewer) as intake:

            def create() -> Response:
                (reference,) = intake.accept()
                return self.respond("product", self._one(reference.product)[1], 201)

            return idempotent_response(request, create)

    @extend_schema(summary="Get a product", responses=_PRODUCT)
    def retrieve(self, request: Request, identity: str) -> Response:
        """Get a product with its current pictures."""
        return self.respond("product", self._one(identity)[1])

    @extend_schema(summary="Delete a product", responses=_PRODUCT)
    def destroy(self, request: Request, identity: str) -> Response:
        """Delete an upload. Its generations are not deleted. Products of the shop cannot be deleted with the API."""
        row, shown = self._one(identity)
        if not isinstance(row, Upload):
            raise PermissionDenied("Products of the shop cannot be deleted with the API.", code="not_an_upload")
        uploads.delete(row)
        return self.respond("product", shown)

    def _one(self, identity: str) -> tuple[Any, dict[str, Any]]:
        """Return a row and its representation. Raises ``NotFound`` or ``PermissionDenied``."""
        description, row = products.find(identity, self.viewer)
        found = products.pictures_of(description, [row])
        return row, self._shown(description, row, found.get(str(row.pk), []))

    def _shown(self, description: ProductImages, row: Any, pictures: Sequence[ProductPicture]) -> dict[str, Any]:
        context = {"request": self.request, "description": description}
        images = ProductPictureOut(pictures, many=True, context=context).data
        return {"id": products.identity_of(row), "name": description.label(row), "images": images}
