"""Enhancements: quote, start, list, get, cancel and retry; tools for one picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery import history
from product_imagery.api import products
from product_imagery.api.base import PICTURE_PARSERS, ApiViewSet
from product_imagery.api.errors import Conflict
from product_imagery.api.filters import EnhancementFilters
from product_imagery.api.idempotency import idempotent_response
from product_imagery.api.left_out import describe_left_out
from product_imagery.api.parsers import BoundedJSONParser
from product_imagery.api.permissions import require_permission, require_scope
from product_imagery.api.pictures import IncomingPicture, PictureIntake, receive_pictures
from product_imagery.api.products import ProductReference
from product_imagery.api.schema import IDEMPOTENCY_KEY, enveloped, extend_schema, paged
from product_imagery.api.serializers.enhancements import (
    EnhancementIn,
    EnhancementOut,
    EnhancementWithItemsOut,
    ItemOut,
    LeftOutOut,
    QuoteIn,
    QuoteOut,
    ToolIn,
    tool_as_enhancement,
)
from product_imagery.api.serializers.generations import generation_context
from product_imagery.api.work_specs import work_spec_of
from product_imagery.exceptions import NothingToDo
from product_imagery.flows.enhancements import cancel, retry
from product_imagery.flows.enhancements.start import enhance, quote
from product_imagery.flows.events import endpoints
from product_imagery.models import Enhancement, ResultImage, Scope

_Action = Callable[[Any, Request], Response]
_MAX_ITEMS = 1000  #: items of one enhancement in a response
_STARTED = enveloped("enhancement", {202: EnhancementOut}, left_out=LeftOutOut(many=True))


class QuoteViewSet(ApiViewSet):
    """Quotes of cost and duration."""

    serializer_class = QuoteOut
    parser_classes = PICTURE_PARSERS
    input_serializers = {"create": QuoteIn}

    @extend_schema(summary="Ask for cost and duration", responses=enveloped("quote", {200: QuoteOut}))
    def create(self, request: Request) -> Response:
        """Estimate cost and duration. Nothing is stored or started."""
        wanted = self.validated_input()
        work_spec = work_spec_of(wanted, self.key)
        pictures = [IncomingPicture.from_validated(image) for image in wanted["images"]]
        intake = PictureIntake(pictures, self.viewer, fresh=wanted["fresh"])
        selection = products.select(intake.known_references(), self.viewer)
        options = {name: wanted[name] for name in ("fresh", "from_present")}
        found = quote(selection.keys, work_spec, **options, unseen=intake.unseen)
        return self.respond("quote", self.get_serializer(found).data)


class _EnhancementsViewSet(ApiViewSet):
    """Base of view sets that start enhancements."""

    queryset = Enhancement.objects.with_progress().select_related("credential", "preset")
    serializer_class = EnhancementOut
    parser_classes = PICTURE_PARSERS
    owner_field = "actor"
    singular, plural = "enhancement", "enhancements"

    def start_idempotently(self, wanted: dict[str, Any]) -> Response:
        """Start an enhancement, unless one was started with this ``Idempotency-Key``.

        Pictures are stored before the transaction that accepts the request begins.
        """
        pictures = [IncomingPicture.from_validated(image) for image in wanted["images"]]
        with receive_pictures(pictures, self.viewer, fresh=wanted["fresh"]) as intake:
            return idempotent_response(self.request, lambda: self._start(wanted, intake.accept()))

    def _start(self, wanted: dict[str, Any], references: list[ProductReference]) -> Response:
        """Start an enhancement of these products.

        Raises ``PermissionDenied``, ``ValidationError``, and ``Conflict`` if nothing is left to do.
        """
        if wanted["approve"]:
            require_scope(self.request, Scope.REVIEW)
            require_permission(self.request, "publish_resultimage")
        selection = products.select(references, self.viewer)
        webhook_url = endpoints.address_for(self.caller, wanted.get("webhook_url", ""), is_test=self.viewer.makes_tests)
        work_spec = work_spec_of(wanted, self.key)
        owned = self.ownership("actor")
        try:
            started = enhance(
                selection.keys,
                work_spec,
                channel=Enhancement.Channel.API,
                actor=self.caller,
                auto_approve=wanted["approve"],
                fresh=wanted["fresh"],
                from_present=wanted["from_present"],
                budget=wanted.get("budget"),
                api_key=self.key,
                external_ids=selection.external_ids,
                webhook_url=webhook_url,
            )
        except NothingToDo as error:
            raise Conflict(error.message, code=error.code, left_out=describe_left_out(error.skipped, owned)) from error
        history.started(self.caller, started.enhancement)
        row = self.get_queryset().get(pk=started.enhancement.pk)
        return self.row_response(row, 202, left_out=describe_left_out(started.skipped, owned))


@extend_schema_view(
    list=extend_schema(
        summary="List enhancements", description="Newest first.", responses=paged("enhancements", EnhancementOut)
    ),
)
class EnhancementViewSet(ListModelMixin, _EnhancementsViewSet):
    """The caller's enhancements."""

    filter_class = EnhancementFilters
    input_serializers = {"create": EnhancementIn}
    throttle_weights = {"create": 5, "retry": 5}

    @extend_schema(summary="Start an enhancement", parameters=[IDEMPOTENCY_KEY], responses=_STARTED)
    def create(self, request: Request) -> Response:
        """Accept the request and return at once. Poll the enhancement until its status is final, or use webhooks."""
        return self.start_idempotently(self.validated_input())

    @extend_schema(summary="Get an enhancement", responses=enveloped("enhancement", {200: EnhancementWithItemsOut}))
    def retrieve(self, request: Request, uuid: Any) -> Response:
        """Get the progress of an enhancement, with its items and their results."""
        enhancement = self.get_object()
        results = ResultImage.objects.order_by("pk").select_related("item__content_type", "enhancement")
        items = enhancement.items.select_related("content_type")
        items = items.prefetch_related("further_ids", Prefetch("results", results))
        first = list(items[:_MAX_ITEMS])
        context = generation_context(request, [result for item in first for result in item.results.all()])
        shown = {**self.get_serializer(enhancement).data, "items": ItemOut(first, many=True, context=context).data}
        return self.respond("enhancement", shown)

    @extend_schema(
        summary="Cancel an enhancement",
        responses=enveloped("enhancement", {200: EnhancementOut}, cancelled=serializers.IntegerField()),
    )
    @action(detail=True, methods=["post"], parser_classes=(BoundedJSONParser,))
    def cancel(self, request: Request, uuid: Any) -> Response:
        """Cancel the items that have not begun. Items in progress are completed."""
        enhancement = self.get_object()
        count = cancel.cancel(enhancement)
        history.cancelled(self.caller, enhancement, count)
        return self.row_response(self.get_object(), cancelled=count)

    @extend_schema(
        summary="Retry failed items",
        parameters=[IDEMPOTENCY_KEY],
        responses=enveloped("enhancement", {200: EnhancementOut}, retried=serializers.IntegerField()),
    )
    @action(detail=True, methods=["post"], parser_classes=(BoundedJSONParser,))
    def retry(self, request: Request, uuid: Any) -> Response:
        """Start the failed items again. Providers may charge for them again."""

        def requeue() -> Response:
            enhancement = self.get_object()
            free = enhancement.items.to_collect().count()
            count = retry.retry(enhancement, only_failed=True)
            history.retried(self.caller, enhancement, count, free)
            return self.row_response(self.get_object(), retried=count)

        return idempotent_response(request, requeue)


def _tool(name: str) -> Callable[[_Action], Any]:
    """Return a decorator that describes an action and routes it to ``tools/<name>``."""
    described = extend_schema(
        operation_id=f"tools_{name.replace('-', '_')}_create",
        summary="Use a tool on one picture",
        description="Start an enhancement of one picture. Poll it until its status is final, or use webhooks.",
        parameters=[IDEMPOTENCY_KEY],
        responses=_STARTED,
    )
    route = action(detail=False, methods=["post"], url_path=name, url_name=name)
    return lambda method: described(route(method))


class ToolViewSet(_EnhancementsViewSet):
    """Operations on single pictures."""

    input_serializers = {"remove_background": ToolIn, "upscale": ToolIn, "expand": ToolIn}
    throttle_weights = {"remove_background": 5, "upscale": 5, "expand": 5}

    @_tool("remove-bg")
    def remove_background(self, request: Request) -> Response:
        """Remove the background of a picture."""
        return self._use("remove_background")

    @_tool("upscale")
    def upscale(self, request: Request) -> Response:
        """Enlarge a picture."""
        return self._use("upscale")

    @_tool("expand")
    def expand(self, request: Request) -> Response:
        """Extend a picture beyond its borders."""
        return self._use("expand")

    def _use(self, operation: str) -> Response:
        return self.start_idempotently(tool_as_enhancement(self.validated_input(), operation))
