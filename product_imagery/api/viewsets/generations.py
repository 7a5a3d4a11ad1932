"""Generations: review, publication and restoration of results."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery import history
from product_imagery.api.base import ApiViewSet, RetrieveMixin
from product_imagery.api.errors import Conflict
from product_imagery.api.filters import GenerationFilters
from product_imagery.api.idempotency import idempotent_response
from product_imagery.api.permissions import require_permission, require_scope
from product_imagery.api.schema import IDEMPOTENCY_KEY, enveloped, extend_schema, paged
from product_imagery.api.serializers.generations import ApprovalIn, GenerationOut, generation_context
from product_imagery.flows.results import publish, review
from product_imagery.models import ImageVersion, ResultImage, Scope

_GENERATION = enveloped("generation", {200: GenerationOut})


class GenerationListMixin:
    """``list`` for rows of ``ResultImage``."""

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of generations, with one comparison of all their publications."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = GenerationOut(page, many=True, context=generation_context(request, page)).data
        response: Response = self.get_paginated_response(shown)
        return response


@extend_schema_view(
    list=extend_schema(
        summary="List generations", description="Newest first.", responses=paged("generations", GenerationOut)
    ),
    retrieve=extend_schema(
        summary="Get a generation",
        description="Get a generation. The URLs of its pictures may expire.",
        responses=_GENERATION,
    ),
)
class GenerationViewSet(GenerationListMixin, RetrieveMixin, ApiViewSet):
    """The caller's generations."""

    scope = Scope.REVIEW
    queryset = ResultImage.objects.select_related("enhancement", "item__content_type")
    serializer_class = GenerationOut
    filter_class = GenerationFilters
    singular, plural = "generation", "generations"
    input_serializers = {"approve": ApprovalIn}
    throttle_weights = {"regenerate": 5}

    @extend_schema(summary="Approve a generation", responses=_GENERATION)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: Any) -> Response:
        """Approve a generation. With `publish`, a worker then puts it on its product.

        Results of a test key or a sandbox are approved, but never published.
        """
        with_publication = self.validated_input()["publish"]
        if with_publication:
            require_permission(request, "publish_resultimage")
        result = self.get_object()
        publishes = with_publication and not result.enhancement.is_trial
        review.approve(result, actor=self.caller, publish=publishes)
        history.reviewed(self.caller, "approve_and_publish" if publishes else "approve", [result])
        return self.row_response(self.get_object())

    @extend_schema(summary="Publish a generation", responses=_GENERATION)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, uuid: Any) -> Response:
        """Publish an approved generation for free, even if a later picture is on the product now."""
        require_permission(request, "publish_resultimage")
        result = self.get_object()
        review.publish(result, actor=self.caller)
        history.reviewed(self.caller, "publish", [result])
        return self.row_response(self.get_object())

    @extend_schema(summary="Reject a generation", responses=_GENERATION)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, uuid: Any) -> Response:
        """Reject a generation. It is not published; its files are kept."""
        result = self.get_object()
        review.reject(result, actor=self.caller)
        history.reviewed(self.caller, "reject", [result])
        return self.row_response(self.get_object())

    @extend_schema(summary="Make another one", parameters=[IDEMPOTENCY_KEY], responses=_GENERATION)
    @action(detail=True, methods=["post"])
    def regenerate(self, request: Request, uuid: Any) -> Response:
        """Reject a generation and make another one at the usual price. The new one is added to the item's results."""
        require_scope(request, Scope.ENHANCE)

        def regenerate() -> Response:
            result = self.get_object()
            review.regenerate(result, actor=self.caller)
            history.reviewed(self.caller, "regenerate", [result])
            return self.row_response(self.get_object())

        return idempotent_response(request, regenerate)

    @extend_schema(summary="Restore the earlier picture", responses=_GENERATION)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, uuid: Any) -> Response:
        """Put back the file that was on the product before, unchanged."""
        require_permission(request, "restore_imageversion")
        result = self.get_object()
        version = ImageVersion.objects.filter(result=result, restored_at=None).order_by("-pk").first()
        if version is None:
            raise Conflict("This picture is not on its product.", code="wrong_state")
        publish.restore(version, actor=self.caller)
        history.restored(self.caller, [version])
        return self.row_response(self.get_object())
