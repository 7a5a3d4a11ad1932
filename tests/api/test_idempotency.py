"""``Idempotency-Key``: the same request is done once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from example_project.shop.models import Product
from product_imagery.models import (
    Enhancement,
    StoredResponse,
)
from tests.api.conftest import BASE, Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def _id(product: Product) -> str:
    return f"shop.product:{product.pk}"


class TestIdempotencyKey:
    """G6 to G11: Idempotency-Key."""

    def test_repeated_request_is_replayed(self, caller: Call, make_product: Any) -> None:
        one, body = caller(), {**LARGER, "images": [{"product": _id(make_product())}]}
        responses = [one.post("enhancements", body, key="import-0001") for _ in range(3)]
        responses.append(one.post("enhancements", body, key='"import-0001"'))
        assert {response.content for response in responses} == {responses[0].content}
        assert [response.get("Idempotent-Replayed", "") for response in responses] == ["", "true", "true", "true"]
        assert Enhancement.objects.count() == 1

    def test_another_request_with_the_same_key_is_a_conflict(self, caller: Call, make_product: Any) -> None:
        one, body = caller(), {**LARGER, "images": [{"product": _id(make_product())}]}
        one.post("enhancements", body, key="import-0001")
        for path, other in (
            ("enhancements", {**body, "fresh": True}),
            ("tools/upscale", {"product": "shop.product:1"}),
        ):
            response = one.post(path, other, key="import-0001")
            assert (response.status_code, response.json()["error"]["code"]) == (409, "idempotency_conflict")
        assert Enhancement.objects.count() == 1
        other = caller("another").post("enhancements", {**body, "fresh": True}, key="import-0001")
        assert other.json()["error"]["code"] == "under_way"  # the key of another owner is no conflict

    @pytest.mark.parametrize("key", ["short", "x" * 161, "with space here", "tab\there", "ключ-ключ"])
    def test_missing_and_malformed_keys_are_refused(self, key: str, caller: Call, make_product: Any) -> None:
        body = {**LARGER, "images": [{"product": _id(make_product())}]}
        headers = {"Authorization": f"Bearer {caller().text}"}
        response = Client().post(
            BASE + "enhancements",
            json.dumps(body),
            content_type="application/json",
            headers={**headers, "Idempotency-Key": key},
        )
        assert response.status_code == 400
        missing = Client().post(
            BASE + "enhancements", json.dumps(body), content_type="application/json", headers=headers
        )
        assert "Idempotency-Key" in missing.json()["error"]["details"]

    def test_failed_request_may_be_repeated_with_the_same_key(self, caller: Call, make_product: Any) -> None:
        one, product = caller(), make_product()
        body = {**LARGER, "images": [{"product": _id(product)}]}
        assert one.post("enhancements", {**body, "options": {"factor": "9"}}, key="import-0001").status_code == 400
        assert StoredResponse.objects.count() == 0
        assert one.post("enhancements", body, key="import-0001").status_code == 202


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_error_stores_nothing_under_atomic_requests(caller: Call, make_product: Any, settings: Any) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    one, product = caller(), make_product()
    body = {**LARGER, "images": [{"product": _id(product)}], "options": {"factor": "9"}}
    try:
        assert one.post("enhancements", body).status_code == 400
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
    assert Enhancement.objects.count() == StoredResponse.objects.count() == 0


def test_live_and_test_keys_do_not_share_idempotency_keys(caller: Callable[..., Caller], make_product: Any) -> None:
    body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
    for one in (caller(is_test=True), caller()):
        assert one.post("enhancements", body, key="the-same-key").status_code == 202
