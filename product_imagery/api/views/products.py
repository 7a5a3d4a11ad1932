"""Products: what a program can choose from, and pictures that it brings itself."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api import products
from product_imagery.api.base import PICTURE_PARSERS, ApiView
from product_imagery.api.filters import ProductFilters, asked
from product_imagery.api.idempotency import once
from product_imagery.api.pagination import paginate
from product_imagery.api.pictures import NewProductIn, brought
from product_imagery.api.schema import describe
from product_imagery.api.serializers.products import ProductOut, ProductPictureOut
from product_imagery.flows import upload as uploads
from product_imagery.models import Upload
from product_imagery.products import ProductImages, ProductPicture


class _OfProducts(ApiView):
    def shown(self, description: ProductImages, row: Any, pictures: list[ProductPicture]) -> dict[str, Any]:
        """A product as answers show it."""
        context = {"request": self.request, "description": description}
        images = ProductPictureOut(pictures, many=True, context=context).data
        return {"id": products.identity_of(row), "name": description.label(row), "images": images}

    def one(self, identity: str) -> tuple[Any, dict[str, Any]]:
        """The row of one and how answers show it. Raises ``NotFound``, ``PermissionDenied``."""
        description, row = products.find(identity, self.viewer)
        found = products.pictures_of(description, [row])
        return row, self.shown(description, row, found.get(str(row.pk), []))


class Products(_OfProducts):
    """All of the shop that the caller may view, and the pictures that the caller brought."""

    weight = 5
    parser_classes = PICTURE_PARSERS

    @describe("List products", {200: ProductOut(many=True)}, name="products", filters=ProductFilters)
    def get(self, request: Request) -> Response:
        """Kind by kind, the newest first; ``kind`` narrows them to one."""
        kinds = {products.kind_of(one): one for one in self.viewer.kinds()}
        wanted = asked(request, ProductFilters).get("kind")
        if wanted is not None and wanted not in kinds:
            raise ValidationError({"kind": [f"There is no such kind. There are: {', '.join(kinds)}."]})
        chosen = [one for name, one in kinds.items() if wanted in (None, name)]
        page = paginate(request, *[self.viewer.rows(one) for one in chosen])
        rows: list[Any] = []
        for description in chosen:
            mine = [row for row in page.rows if isinstance(row, description.model)]
            pictures = products.pictures_of(description, mine)
            rows += [self.shown(description, row, pictures.get(str(row.pk), [])) for row in mine]
        return self.answer("products", rows, next_cursor=page.next_cursor)

    @describe("Create a product", {201: ProductOut}, name="product", body=NewProductIn, creates=True, pictures=True)
    def post(self, request: Request) -> Response:
        """A picture that belongs to no product of the shop. One from an address is fetched when it is worked on."""
        given = NewProductIn(data=request.data)
        given.is_valid(raise_exception=True)
        image = dict(given.validated_data)
        with brought([image], self.viewer) as pictures:

            def create() -> Response:
                pictures.accept()
                return self.answer("product", self.one(image["product"])[1], status=201)

            return once(request, create)


class OneProduct(_OfProducts):
    """One that the caller may view."""

    @describe("Get a product", {200: ProductOut}, name="product")
    def get(self, request: Request, identity: str) -> Response:
        """Its pictures: the files that stand there now."""
        _, shown = self.one(identity)
        return self.answer("product", shown)

    @describe("Delete a product", {200: ProductOut}, name="product")
    def delete(self, request: Request, identity: str) -> Response:
        """Only a picture that came through the API; what was made of it stays."""
        row, shown = self.one(identity)
        if not isinstance(row, Upload):
            raise PermissionDenied("Products of the shop are not deleted from here.", code="not_an_upload")
        uploads.delete(row)
        return self.answer("product", shown)
