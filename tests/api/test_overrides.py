"""Class attributes of the view sets can be overridden by a host, as those of any DRF view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import BaseThrottle

from product_imagery.api.pagination import NewestFirstPagination
from product_imagery.api.viewsets.generations import GenerationViewSet
from tests.api.conftest import Caller
from tests.api.schema_file import generate

pytestmark = pytest.mark.django_db


class _SmallPages(NewestFirstPagination):
    max_limit = 2


class _Closed(BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False

    def wait(self) -> float:
        return 7.0


class _HostRenderer(JSONRenderer):
    media_type = "application/vnd.shop+json"


def _problem(error: Exception, context: dict[str, Any]) -> Response:
    return Response({"problem": type(error).__name__}, status=418)


def _get(caller: Callable[..., Caller], query: str = "", **overrides: Any) -> Any:
    view_set: Any = type("HostGenerations", (GenerationViewSet,), overrides)
    request = APIRequestFactory().get(f"/generations{query}", headers={"Authorization": f"Bearer {caller().text}"})
    return view_set.as_view({"get": "list"})(request).render()


def test_pagination_class_bounds_pages(caller: Callable[..., Caller]) -> None:
    assert _get(caller, "?limit=3").status_code == 200
    assert _get(caller, "?limit=2", pagination_class=_SmallPages).status_code == 200
    assert _get(caller, "?limit=3", pagination_class=_SmallPages).status_code == 400


def test_throttle_classes_replace_the_rate_limit(caller: Callable[..., Caller]) -> None:
    assert "X-RateLimit-Limit" in _get(caller)
    assert "X-RateLimit-Limit" not in _get(caller, throttle_classes=())
    refused = _get(caller, throttle_classes=(_Closed,))
    assert (refused.status_code, refused["Retry-After"]) == (429, "7")


def test_filter_backends_may_be_removed(caller: Callable[..., Caller]) -> None:
    assert _get(caller, "?colour=red").status_code == 400
    assert _get(caller, "?colour=red", filter_backends=()).status_code == 200


def test_renderer_and_exception_handler_are_the_host_s(caller: Callable[..., Caller]) -> None:
    assert _get(caller, renderer_classes=(_HostRenderer,))["Content-Type"] == "application/vnd.shop+json"
    refused = _get(caller, "?limit=0", exception_handler=staticmethod(_problem))
    assert (refused.status_code, refused.data) == (418, {"problem": "ValidationError"})


class _HostGenerations(GenerationViewSet):
    @action(detail=True, methods=["post"])
    def feature(self, request: Request, uuid: Any) -> Response:
        """Show a generation on the front page."""
        return self.row_response(self.get_object())


def test_schema_of_a_host_s_view_set_has_its_own_actions() -> None:
    router = SimpleRouter(trailing_slash=False, use_regex_path=False)
    router.register("pictures", _HostGenerations, "picture")
    paths = generate(router.urls)["paths"]
    assert paths["/pictures/{uuid}/feature"]["post"]["description"] == "Show a generation on the front page."
    assert paths["/pictures/{uuid}/reject"]["post"]["operationId"] == "reject_a_generation"
