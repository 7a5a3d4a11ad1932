"""Generations: the pictures that were made, what a person thinks of them, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiView
from product_imagery.api.errors import Conflict
from product_imagery.api.filters import GenerationFilters, narrow
from product_imagery.api.idempotency import once
from product_imagery.api.pagination import paginate
from product_imagery.api.permissions import require_permission, require_scope
from product_imagery.api.schema import describe
from product_imagery.api.serializers.generations import ApprovalIn, GenerationOut, about
from product_imagery.flows import publish, review
from product_imagery.models import ImageVersion, ResultImage, Scope


class _OfGenerations(ApiView):
    """What the views of generations share."""

    scope = Scope.REVIEW

    def mine(self) -> QuerySet[ResultImage]:
        """All of the caller's."""
        return ResultImage.objects.filter(**self.belonging).select_related("enhancement", "item__content_type")

    def find(self, uuid: Any) -> ResultImage:
        """One of the caller's. Raises ``NotFound``."""
        return self.one_of(self.mine(), uuid, "generation")

    def shown(self, uuid: Any) -> Any:
        """A generation as answers show it."""
        return GenerationOut(self.find(uuid), context={"request": self.request}).data


class Generations(_OfGenerations):
    """All of the caller's."""

    @describe("List generations", {200: GenerationOut(many=True)}, name="generations", filters=GenerationFilters)
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = paginate(request, narrow(request, self.mine(), GenerationFilters))
        shown = GenerationOut(page.rows, many=True, context=about(request, page.rows)).data
        return self.answer("generations", shown, next_cursor=page.next_cursor)


class OneGeneration(_OfGenerations):
    """One of the caller's."""

    @describe("Get a generation", {200: GenerationOut}, name="generation")
    def get(self, request: Request, uuid: Any) -> Response:
        """With addresses that are good for a while."""
        return self.answer("generation", self.shown(uuid))


class _Step(_OfGenerations):
    step: Callable[..., Any]

    def take(self, request: Request, uuid: Any, **arguments: Any) -> Response:
        """Take the step as the caller, and show what came of it."""
        type(self).step(self.find(uuid), actor=self.caller, **arguments)
        return self.answer("generation", self.shown(uuid))


class Approve(_Step):
    """Approve, and put it on the product unless ``"publish": false``."""

    step = staticmethod(review.approve)

    @describe("Approve a generation", {200: GenerationOut}, name="generation", body=ApprovalIn)
    def post(self, request: Request, uuid: Any) -> Response:
        """A worker puts it on the product. What a test key or a sandbox made is approved only."""
        asked = ApprovalIn(data=request.data)
        asked.is_valid(raise_exception=True)
        publish_too = asked.validated_data["publish"]
        if publish_too:
            require_permission(request, "publish_resultimage")
        return self.take(request, uuid, publish=publish_too and not self.find(uuid).enhancement.is_trial)


class Publish(_Step):
    """Put an approved one on its product, for the first time or again."""

    step = staticmethod(review.request_publication)

    @describe("Publish a generation", {200: GenerationOut}, name="generation")
    def post(self, request: Request, uuid: Any) -> Response:
        """Costs nothing, also where it stood there before and something else stands there now. A worker does it."""
        require_permission(request, "publish_resultimage")
        return self.take(request, uuid)


class Reject(_Step):
    """Reject; the files stay."""

    step = staticmethod(review.reject)

    @describe("Reject a generation", {200: GenerationOut}, name="generation")
    def post(self, request: Request, uuid: Any) -> Response:
        """It is not put on the product."""
        return self.take(request, uuid)


class Regenerate(_Step):
    """Reject it and make another one."""

    step = staticmethod(review.regenerate)
    weight = 5

    @describe("Make another one", {200: GenerationOut}, name="generation", creates=True)
    def post(self, request: Request, uuid: Any) -> Response:
        """May cost once more. The other one appears among the item's results."""
        require_scope(request, Scope.ENHANCE)
        return once(request, lambda: self.take(request, uuid))


class Restore(_OfGenerations):
    """Put back what stood on the product before."""

    @describe("Restore the earlier picture", {200: GenerationOut}, name="generation")
    def post(self, request: Request, uuid: Any) -> Response:
        """Exactly the file that stood there."""
        require_permission(request, "restore_imageversion")
        result = self.find(uuid)
        version = ImageVersion.objects.filter(result=result, restored_at=None).order_by("-pk").first()
        if version is None:
            raise Conflict("This picture is not on its product.", code="wrong_state")
        publish.restore(version, actor=self.caller)
        return self.answer("generation", self.shown(uuid))
