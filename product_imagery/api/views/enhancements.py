"""Enhancements: start, list, look, cancel, try again."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api import products
from product_imagery.api.base import PICTURE_PARSERS, ApiView
from product_imagery.api.errors import Conflict
from product_imagery.api.existing import left_out_of
from product_imagery.api.filters import EnhancementFilters, narrow
from product_imagery.api.idempotency import once
from product_imagery.api.looks import look_of
from product_imagery.api.pagination import paginate
from product_imagery.api.permissions import require_permission, require_scope
from product_imagery.api.pictures import brought
from product_imagery.api.schema import describe
from product_imagery.api.serializers.enhancements import (
    EnhancementIn,
    EnhancementOut,
    EnhancementWithItemsOut,
    ItemOut,
    LeftOutOut,
    ToolIn,
)
from product_imagery.api.serializers.generations import about
from product_imagery.exceptions import NothingToDo
from product_imagery.flows import endpoints, steer
from product_imagery.flows.start import start
from product_imagery.models import Enhancement, ResultImage, Scope

_ITEMS = 1000  #: shown of one enhancement
#: how operations are described that start one
_STARTS: dict[str, Any] = {
    "answers": {202: EnhancementOut},
    "name": "enhancement",
    "creates": True,
    "pictures": True,
    "also": {"left_out": LeftOutOut(many=True)},
}


class _OfEnhancements(ApiView):
    """What the views of enhancements share."""

    def mine(self) -> QuerySet[Enhancement]:
        """All of the caller's."""
        return Enhancement.objects.filter(**self.owned).with_progress().select_related("credential", "preset")

    def find(self, uuid: Any) -> Enhancement:
        """One of the caller's. Raises ``NotFound``."""
        return self.one_of(self.mine(), uuid, "enhancement")

    def start(self, asked: dict[str, Any]) -> Response:
        """Start what was asked for, checked by ``EnhancementIn``."""
        if asked["approve"]:
            require_scope(self.request, Scope.REVIEW)
            require_permission(self.request, "publish_resultimage")
        chosen, external_ids = products.chosen(asked["images"], self.viewer)
        wanted = asked.get("webhook_url", "")
        webhook_url = endpoints.address_for(self.caller, wanted, is_test=self.viewer.makes_tests)
        enhancement = self._begin(
            chosen,
            look_of(asked, self.key),
            door=Enhancement.Door.API,
            actor=self.caller,
            auto_approve=asked["approve"],
            fresh=asked["fresh"],
            from_present=asked["from_present"],
            budget=asked.get("budget"),
            api_key=self.key,
            external_ids=external_ids,
            webhook_url=webhook_url,
        )
        left_out = left_out_of(enhancement.left_out, self.owned)
        return self.answer("enhancement", self.shown(enhancement.uuid), status=202, left_out=left_out)

    def _begin(self, *what: Any, **how: Any) -> Enhancement:
        """Start it. Raises ``Conflict`` that names what there is of it already, where nothing is left to do."""
        try:
            return start(*what, **how)
        except NothingToDo as error:
            raise Conflict(error.message, code=error.code, left_out=left_out_of(error.left_out, self.owned)) from error

    def start_once(self, asked: dict[str, Any]) -> Response:
        """The same, once for each ``Idempotency-Key``, with the pictures that the request brought."""
        with brought(asked["images"], self.viewer, fresh=asked["fresh"]) as pictures:

            def accept() -> Response:
                pictures.accept()
                return self.start(asked)

            return once(self.request, accept)

    def shown(self, uuid: Any) -> Any:
        """An enhancement as answers show it."""
        return EnhancementOut(self.find(uuid)).data


class Enhancements(_OfEnhancements):
    """All of the caller's, and new ones."""

    weight = 5
    parser_classes = PICTURE_PARSERS

    @describe("List enhancements", {200: EnhancementOut(many=True)}, name="enhancements", filters=EnhancementFilters)
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = paginate(request, narrow(request, self.mine(), EnhancementFilters))
        return self.answer("enhancements", EnhancementOut(page.rows, many=True).data, next_cursor=page.next_cursor)

    @describe(
        "Start an enhancement",
        body=EnhancementIn,
        **_STARTS,
    )
    def post(self, request: Request) -> Response:
        """Accepted at once, done later: look at it until its status is a final one."""
        asked = EnhancementIn(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.start_once(asked.validated_data)


class OneEnhancement(_OfEnhancements):
    """One of the caller's."""

    @describe("Get an enhancement", {200: EnhancementWithItemsOut}, name="enhancement")
    def get(self, request: Request, uuid: Any) -> Response:
        """How far it is, with its items and their results."""
        enhancement = self.find(uuid)
        results = ResultImage.objects.order_by("pk").select_related("item__content_type", "enhancement")
        items = enhancement.items.select_related("content_type")
        items = items.prefetch_related("further_ids", Prefetch("results", results))
        shown = EnhancementOut(enhancement).data
        first = list(items[:_ITEMS])
        context = about(request, [result for item in first for result in item.results.all()])
        shown["items"] = ItemOut(first, many=True, context=context).data
        return self.answer("enhancement", shown)


class CancelEnhancement(_OfEnhancements):
    """Stop what has not begun."""

    @describe(
        "Cancel an enhancement",
        {200: EnhancementOut},
        name="enhancement",
        also={"cancelled": serializers.IntegerField()},
    )
    def post(self, request: Request, uuid: Any) -> Response:
        """Pictures that are under way come to their own end."""
        count = steer.cancel(self.find(uuid))
        return self.answer("enhancement", self.shown(uuid), cancelled=count)


class RetryEnhancement(_OfEnhancements):
    """Try again what failed."""

    weight = 5

    @describe(
        "Retry failed items",
        {200: EnhancementOut},
        name="enhancement",
        creates=True,
        also={"retried": serializers.IntegerField()},
    )
    def post(self, request: Request, uuid: Any) -> Response:
        """May cost once more what the providers charge once more."""

        def again() -> Response:
            count = steer.retry(self.find(uuid), only_failed=True)
            return self.answer("enhancement", self.shown(uuid), retried=count)

        return once(request, again)


class Tool(_OfEnhancements):
    """One picture, one operation, one call; ``operation`` is given by the route."""

    operation = ""
    weight = 5
    parser_classes = PICTURE_PARSERS

    @describe(
        "Use a tool on one picture",
        body=ToolIn,
        routes=True,
        **_STARTS,
    )
    def post(self, request: Request) -> Response:
        """An enhancement of one picture: look at it until its status is a final one."""
        asked = ToolIn(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.start_once(asked.as_enhancement(self.operation))
