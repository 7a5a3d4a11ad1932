"""The description of the API is complete: every route, its errors, its form."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from product_imagery.api import urls
from product_imagery.api.views.fallback import Nothing
from product_imagery.api.views.schema import Schema, described
from tests.api.conftest import BASE

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client: Client) -> Any:
    return client.get(BASE + "schema").json()


def _routes() -> list[URLPattern]:
    return [one for one in urls.urlpatterns if one.callback.view_class not in (Nothing, Schema)]  # type: ignore[attr-defined]


def test_every_route_and_method_is_described(schema: Any) -> None:
    assert len(schema["paths"]) == len(_routes())
    methods = {method for path in schema["paths"].values() for method in path}
    assert methods == {"get", "post", "delete"}
    for path in schema["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert "401" in operation["responses"]


def test_creates_need_their_key_and_lists_their_bounds(schema: Any) -> None:
    create = schema["paths"]["/enhancements"]["post"]
    header = next(one for one in create["parameters"] if one["name"] == "Idempotency-Key")
    assert header["required"]
    assert header["schema"]["minLength"] == 8
    names = {one["name"]: one["schema"] for one in schema["paths"]["/generations"]["get"]["parameters"]}
    assert names["limit"]["maximum"] == 100
    assert {"limit", "offset", "cursor", "review", "publication", "created_after"} < set(names)


def test_it_says_where_it_is_and_how_to_come_in(schema: Any) -> None:
    assert schema["servers"] == [{"url": "http://testserver/imagery/api/v1"}]
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert schema["paths"]["/presets"]["get"].get("security", [{}]) == [{}]


def test_nothing_in_it_is_guessed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert described()["openapi"].startswith("3.")
