"""Collections: named sets of generations that can be downloaded as one archive."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import StreamingHttpResponse
from django.utils.text import slugify
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiViewSet, RetrieveMixin
from product_imagery.api.errors import Conflict
from product_imagery.api.filters import CreatedFilters
from product_imagery.api.idempotency import idempotent_response
from product_imagery.api.schema import IDEMPOTENCY_KEY, enveloped, error_responses, extend_schema, paged
from product_imagery.api.serializers.collections import CollectionIn, CollectionOut, ResultsIn
from product_imagery.api.serializers.generations import GenerationOut
from product_imagery.api.viewsets.generations import GenerationListMixin
from product_imagery.models import Collection, CollectionEntry, ResultImage
from product_imagery.storage import archive
from product_imagery.storage.store import results_storage

MAX_SIZE = 10_000  #: generations in one collection
_COLLECTION = enveloped("collection", {200: CollectionOut})


@extend_schema_view(
    list=extend_schema(
        summary="List collections", description="Newest first.", responses=paged("collections", CollectionOut)
    ),
    retrieve=extend_schema(
        summary="Get a collection",
        description="Get the name of a collection and the number of its generations.",
        responses=_COLLECTION,
    ),
)
class CollectionViewSet(ListModelMixin, RetrieveMixin, ApiViewSet):
    """The caller's collections."""

    queryset = Collection.objects.annotate(total=Count("entries"))
    serializer_class = CollectionOut
    filter_class = CreatedFilters
    singular, plural = "collection", "collections"
    input_serializers = {"create": CollectionIn}
    throttle_weights = {"download": 20}

    @extend_schema(
        summary="Create a collection",
        parameters=[IDEMPOTENCY_KEY],
        responses=enveloped("collection", {201: CollectionOut}),
    )
    def create(self, request: Request) -> Response:
        """Create a collection with generations, or an empty one."""
        given = self.validated_input()

        def create() -> Response:
            made = Collection.objects.create(name=given["name"], **self.new_ownership)
            add_results(made, ResultImage.objects.filter(**self.ownership()), given["generations"])
            return self.row_response(self.get_queryset().get(pk=made.pk), 201)

        return idempotent_response(request, create)

    @extend_schema(summary="Delete a collection", responses=_COLLECTION)
    def destroy(self, request: Request, uuid: Any) -> Response:
        """Delete the collection. Its generations are not deleted."""
        collection = self.get_object()
        response = self.row_response(collection)
        collection.delete()
        return response

    @extend_schema(summary="Download a collection", responses={(200, "application/zip"): bytes} | error_responses())
    @action(detail=True)
    def download(self, request: Request, uuid: Any) -> StreamingHttpResponse:
        """Download all pictures as a ZIP archive. After a failed transfer, the incomplete file cannot be opened."""
        collection = self.get_object()
        members = _members(collection.arranged().filter(**self.ownership()))
        if not members:
            raise Conflict("This collection is empty.", code="empty")
        packed = archive.Archive(results_storage(), members)
        pieces = aiter(packed) if isinstance(request._request, ASGIRequest) else iter(packed)
        response = StreamingHttpResponse(pieces, content_type="application/zip")
        name = slugify(collection.name)[:80] or "collection"
        response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
        response["Content-Length"] = str(len(packed))
        return response


@extend_schema_view(
    list=extend_schema(
        summary="List generations of a collection",
        description="Newest first.",
        responses=paged("generations", GenerationOut),
    ),
)
class CollectionGenerationViewSet(GenerationListMixin, ApiViewSet):
    """The generations in one collection of the caller."""

    queryset = ResultImage.objects.select_related("enhancement", "item__content_type")
    serializer_class = GenerationOut
    singular, plural = "collection", "generations"
    lookup_url_kwarg = "result"
    input_serializers = {"create": ResultsIn}

    def get_queryset(self) -> QuerySet[ResultImage]:
        """Return the generations in the collection. Raises ``NotFound``."""
        return super().get_queryset().filter(entries__collection=self._collection())

    @extend_schema(summary="Add to a collection", responses=_COLLECTION)
    def create(self, request: Request, uuid: Any) -> Response:
        """Add generations. Those that the collection already contains are skipped."""
        collection = self._collection()
        given = self.validated_input()
        add_results(collection, ResultImage.objects.filter(**self.ownership()), given["generations"])
        return self._shown()

    @extend_schema(summary="Remove from a collection", responses=_COLLECTION)
    def destroy(self, request: Request, uuid: Any, result: Any) -> Response:
        """Remove a generation from the collection. The generation itself is not deleted."""
        if not CollectionEntry.objects.filter(collection=self._collection(), result__uuid=result).delete()[0]:
            raise NotFound("This generation is not in the collection.")
        return self._shown()

    def _collection(self) -> Collection:
        mine = Collection.objects.filter(**self.ownership()).annotate(total=Count("entries"))
        return self.find(mine, self.kwargs["uuid"], "collection")

    def _shown(self) -> Response:
        return self.respond("collection", CollectionOut(self._collection()).data)


def _members(results: QuerySet[ResultImage]) -> list[archive.Member]:
    columns = ("item__external_id", "item__label", "image", "size")
    return [
        archive.Member(archive.member_name(number, external_id or label, image), image, size)
        for number, (external_id, label, image, size) in enumerate(results.values_list(*columns), start=1)
    ]


def add_results(collection: Collection, allowed: QuerySet[ResultImage], uuids: list[Any]) -> None:
    """Add results to a collection.

    Raises ``ValidationError`` for results that are not ``allowed``, and if the collection would become too large.
    """
    found = dict(allowed.filter(uuid__in=uuids).values_list("uuid", "pk"))
    unknown = next((uuid for uuid in uuids if uuid not in found), None)
    if unknown is not None:
        raise ValidationError({"generations": [f"There is no generation {unknown}."]})
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)  # one request at a time counts and adds
        inside = set(CollectionEntry.objects.filter(collection=collection).values_list("result", flat=True))
        new = [found[uuid] for uuid in dict.fromkeys(uuids) if found[uuid] not in inside]
        if len(inside) + len(new) > MAX_SIZE:
            raise ValidationError({"generations": [f"A collection can contain at most {MAX_SIZE} generations."]})
        CollectionEntry.objects.bulk_create(
            [CollectionEntry(collection=collection, result_id=pk) for pk in new], ignore_conflicts=True, batch_size=500
        )
