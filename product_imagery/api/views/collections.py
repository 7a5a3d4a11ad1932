"""Collections: results that belong together, and all of them as one file."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import StreamingHttpResponse
from django.utils.text import slugify
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery import archive
from product_imagery.api.base import ApiView
from product_imagery.api.errors import Conflict
from product_imagery.api.filters import CreatedFilters, NoFilters, narrow
from product_imagery.api.idempotency import once
from product_imagery.api.pagination import paginate
from product_imagery.api.schema import describe
from product_imagery.api.serializers.collections import CollectionIn, CollectionOut, ResultsIn
from product_imagery.api.serializers.generations import GenerationOut, about
from product_imagery.files import results_storage
from product_imagery.models import Collection, CollectionEntry, ResultImage

_MOST = 10_000  #: results of one collection


class _OfCollections(ApiView):
    def mine(self) -> QuerySet[Collection]:
        """All of the caller's."""
        return Collection.objects.filter(**self.belonging).annotate(total=Count("entries"))

    def find(self, uuid: Any) -> Collection:
        """One of the caller's. Raises ``NotFound``."""
        return self.one_of(self.mine(), uuid, "collection")

    def results(self, **which: Any) -> QuerySet[ResultImage]:
        """The caller's own results."""
        return ResultImage.objects.filter(**self.belonging, **which)

    def shown(self, collection: Collection) -> Any:
        """A collection as answers show it."""
        return CollectionOut(self.mine().get(pk=collection.pk)).data


class Collections(_OfCollections):
    """All of the caller's."""

    @describe("List collections", {200: CollectionOut(many=True)}, name="collections", filters=CreatedFilters)
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = paginate(request, narrow(request, self.mine(), CreatedFilters))
        return self.answer("collections", CollectionOut(page.rows, many=True).data, next_cursor=page.next_cursor)

    @describe("Create a collection", {201: CollectionOut}, name="collection", body=CollectionIn, creates=True)
    def post(self, request: Request) -> Response:
        """With results, or empty."""
        given = CollectionIn(data=request.data)
        given.is_valid(raise_exception=True)

        def create() -> Response:
            made = Collection.objects.create(name=given.validated_data["name"], **self.belonging_to_make)
            add(made, self.results(), given.validated_data["generations"])
            return self.answer("collection", self.shown(made), status=201)

        return once(request, create)


class OneCollection(_OfCollections):
    """One of the caller's."""

    @describe("Get a collection", {200: CollectionOut}, name="collection")
    def get(self, request: Request, uuid: Any) -> Response:
        """Its name and size; what is in it is a list of its own."""
        return self.answer("collection", CollectionOut(self.find(uuid)).data)

    @describe("Delete a collection", {200: CollectionOut}, name="collection")
    def delete(self, request: Request, uuid: Any) -> Response:
        """The pictures stay."""
        collection = self.find(uuid)
        shown = CollectionOut(collection).data
        collection.delete()
        return self.answer("collection", shown)


class CollectionResults(_OfCollections):
    """What is in a collection."""

    @describe(
        "List generations of a collection", {200: GenerationOut(many=True)}, name="generations", filters=NoFilters
    )
    def get(self, request: Request, uuid: Any) -> Response:
        """The newest first."""
        inside = self.results(entries__collection=self.find(uuid))
        rows = narrow(request, inside.select_related("enhancement", "item__content_type"), NoFilters)
        page = paginate(request, rows)
        shown = GenerationOut(page.rows, many=True, context=about(request, page.rows)).data
        return self.answer("generations", shown, next_cursor=page.next_cursor)

    @describe("Add to a collection", {200: CollectionOut}, name="collection", body=ResultsIn)
    def post(self, request: Request, uuid: Any) -> Response:
        """What is in it already is not added twice."""
        collection = self.find(uuid)
        given = ResultsIn(data=request.data)
        given.is_valid(raise_exception=True)
        add(collection, self.results(), given.validated_data["generations"])
        return self.answer("collection", self.shown(collection))


class CollectionResult(_OfCollections):
    """One result in a collection."""

    @describe("Remove from a collection", {200: CollectionOut}, name="collection")
    def delete(self, request: Request, uuid: Any, result: Any) -> Response:
        """The picture stays."""
        collection = self.find(uuid)
        if not CollectionEntry.objects.filter(collection=collection, result__uuid=result).delete()[0]:
            raise NotFound("This generation is not in the collection.")
        return self.answer("collection", self.shown(collection))


class CollectionArchive(_OfCollections):
    """All pictures of a collection as one file."""

    weight_of_get = 20

    @describe("Download a collection", {(200, "application/zip"): bytes}, name="")
    def get(self, request: Request, uuid: Any) -> StreamingHttpResponse:
        """A ZIP archive, made while it is sent. One that could not be completed has no end and does not open."""
        collection = self.find(uuid)
        rows = self.results(entries__collection=collection).order_by("pk")
        columns = ("item__external_id", "item__label", "image", "size")
        members = [
            archive.Member(archive.member_name(number, external_id or label, image), image, size)
            for number, (external_id, label, image, size) in enumerate(rows.values_list(*columns), start=1)
        ]
        if not members:
            raise Conflict("There is nothing in this collection.", code="empty")
        whole = archive.Archive(results_storage(), members)
        pieces = aiter(whole) if isinstance(request._request, ASGIRequest) else iter(whole)
        response = StreamingHttpResponse(pieces, content_type="application/zip")
        name = slugify(collection.name)[:80] or "collection"
        response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
        response["Content-Length"] = str(len(whole))
        return response


def add(collection: Collection, mine: QuerySet[ResultImage], uuids: list[Any]) -> None:
    """Add results of the caller's. Raises ``ValidationError`` for those that are not, and where there are too many."""
    found = dict(mine.filter(uuid__in=uuids).values_list("uuid", "pk"))
    unknown = next((uuid for uuid in uuids if uuid not in found), None)
    if unknown is not None:
        raise ValidationError({"generations": [f"There is no generation {unknown}."]})
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)  # of two that add, the second counts the first's
        inside = set(CollectionEntry.objects.filter(collection=collection).values_list("result", flat=True))
        new = [found[uuid] for uuid in dict.fromkeys(uuids) if found[uuid] not in inside]
        if len(inside) + len(new) > _MOST:
            raise ValidationError({"generations": [f"A collection holds at most {_MOST} pictures."]})
        CollectionEntry.objects.bulk_create(
            [CollectionEntry(collection=collection, result_id=pk) for pk in new], ignore_conflicts=True, batch_size=500
        )
