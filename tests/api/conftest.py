"""Fixtures: callers with keys, against a real URL configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from product_imagery.models import ApiKey, Enhancement, EventDelivery, Scope
from tests.conftest import draw_product, encoded
from tests.fakes.shop_side import OtherSide, Received

BASE = "/imagery/api/v1/"


class Caller:
    """A program with a key."""

    def __init__(self, text: str, key: ApiKey) -> None:
        self.text, self.key, self._client, self._number = text, key, Client(), 0

    def get(self, path: str, **headers: str) -> Any:
        """Send GET; the response has ``.json()`` and ``.status_code``."""
        return self._client.get(BASE + path, headers={"Authorization": f"Bearer {self.text}", **headers})

    def delete(self, path: str) -> Any:
        """Send DELETE."""
        return self._client.delete(BASE + path, headers={"Authorization": f"Bearer {self.text}"})

    def form(self, path: str, parts: dict[str, Any], *, key: str = "") -> Any:
        """Send POST with a form and files."""
        self._number += 1
        name = key or f"{self.key.pk}-form-number-{self._number}"
        headers = {"Authorization": f"Bearer {self.text}", "Idempotency-Key": name}
        return self._client.post(BASE + path, parts, headers=headers)

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> Any:
        """Send POST with JSON, and a new ``Idempotency-Key`` unless one is given."""
        self._number += 1
        sent = {
            "Authorization": f"Bearer {self.text}",
            "Idempotency-Key": key or f"{self.key.pk}-key-number-{self._number}",
            **headers,
        }
        return self._client.post(
            BASE + path,
            json.dumps(body if body is not None else {}),
            content_type="application/json",
            headers=sent,
        )


def error_of(response: Any) -> tuple[int, str]:
    """Status and code of an error, whose envelope is complete."""
    error = response.json()["error"]
    assert set(error) >= {"code", "message", "request_id"}
    assert response["X-Request-Id"] == error["request_id"]
    return response.status_code, error["code"]


@pytest.fixture
def caller(db: None) -> Callable[..., Caller]:
    """Make callers: the owner has all permissions, the key has ``scopes``."""

    def make(name: str = "pim", *, scopes: tuple[str, ...] = tuple(Scope.values), **fields: Any) -> Caller:
        owner, made = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": True})
        if made:
            ours = Permission.objects.filter(content_type__app_label__in=("product_imagery", "shop"))
            owner.user_permissions.set(ours)
        key, text = ApiKey.objects.issue(
            owner=owner, name=name, scopes=list(scopes), **{"requests_per_minute": 10_000, **fields}
        )
        return Caller(text, key)

    return make


@pytest.fixture
def draw_upload() -> Callable[[Caller], str]:
    """Upload a picture as a caller; return the id of the product."""

    def bring(one: Caller) -> str:
        picture = SimpleUploadedFile("mug.jpg", encoded(draw_product()), "image/jpeg")
        return str(one.form("products", {"image": picture, "name": "Mug"}).json()["product"]["id"])

    return bring


LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def make_endpoint(one: Caller, url: str, **fields: Any) -> dict[str, Any]:
    """Make an endpoint by API."""
    response = one.post("webhook-endpoints", {"url": url, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json()["webhook_endpoint"])


def verify_event(secret: str, received: Received) -> Any:
    """Check an event's signature with the official library and return its body."""
    return Webhook(secret).verify(received.body, received.headers)


@pytest.fixture
def verified(caller: Callable[..., Caller], side: OtherSide, work: Callable[[], Any]) -> tuple[Caller, dict[str, Any]]:
    """A caller, and its endpoint that has passed the challenge."""
    one = caller()
    endpoint = make_endpoint(one, side.address + "/hook")
    work()
    side.received.clear()
    return one, endpoint


def enhance_larger(one: Caller, make_product: Any, **fields: Any) -> str:
    """Start the enlargement of a new product by API; return the id of the enhancement."""
    product = make_product(sku=f"sku-{Enhancement.objects.count()}")
    body = {**LARGER, "images": [{"product": f"shop.product:{product.pk}", "external_id": "e-1"}], **fields}
    response = one.post("enhancements", body)
    assert response.status_code == 202, response.content
    return str(response.json()["enhancement"]["id"])


def make_attempts_due() -> None:
    """Make every delivery due."""
    EventDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
