"""Request bodies: undeclared fields and unstorable text are refused, and nothing is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from product_imagery.flows.enhancements import cancel
from product_imagery.models import (
    Collection,
    Enhancement,
    EnhancementItem,
    RateUse,
    ResultImage,
    StoredResponse,
    WebhookEndpoint,
)
from tests.api.conftest import BASE, Caller
from tests.conftest import draw_product, encoded

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
_HALF = "\ud800"


@pytest.fixture
def made(caller: Call, make_product: Any, work: Callable[[], Any]) -> tuple[Caller, dict[str, Any]]:
    """A caller with one finished generation, and the ids of what there is."""
    one, product = caller(), make_product()
    body = {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}]}
    enhancement = one.post("enhancements", body).json()["enhancement"]["id"]
    work()
    result = str(ResultImage.objects.get().uuid)
    endpoint = one.post("webhook-endpoints", {"url": "https://receiver.example.com/"}).json()["webhook_endpoint"]["id"]
    collection = one.post("collections", {"name": "A"}).json()["collection"]["id"]
    ids = {"enhancement": enhancement, "result": result, "endpoint": endpoint, "collection": collection}
    return one, {**ids, "product": body["images"]}


def _refused(response: Any, *path: str) -> str:
    assert response.status_code == 400, response.content
    assert response.json()["error"]["code"] == "invalid_request"
    found = response.json()["error"]["details"]
    for part in path:
        found = found[int(part)] if part.isdigit() and isinstance(found, list) else found[part]
    return " ".join(found)


@pytest.mark.parametrize(
    ("path", "body", "field", "hint"),
    [
        ("generations/{result}/approve", {"publsh": False}, "publsh", "“publish”"),
        ("generations/{result}/reject", {"reason": "dull"}, "reason", "no fields"),
        ("generations/{result}/restore", {"version": 1}, "version", "no fields"),
        ("generations/{result}/regenerate", {"options": {}}, "options", "no fields"),
        ("enhancements", {"operation": "upscale", "images": [], "aprove": True}, "aprove", "“approve”"),
        ("enhancements", {"operation": "upscale", "images": [], "max_budget": "1"}, "max_budget", "“budget”"),
        ("enhancements/{enhancement}/cancel", {"items": []}, "items", "no fields"),
        ("enhancements/{enhancement}/retry", {"only": "failed"}, "only", "no fields"),
        ("quote", {"operation": "upscale", "images": [], "frsh": True}, "frsh", "“fresh”"),
        ("tools/expand", {"source_url": "https://example.com/a.jpg", "ratio": "16:9"}, "ratio", "Known fields: "),
        ("tools/upscale", {"source_url": "https://example.com/a.jpg", "scale": "4x"}, "scale", "Known fields: "),
        (
            "products",
            {"source_url": "https://example.com/a.jpg", "product": "shop.product:1"},
            "product",
            "Known fields: ",
        ),
        ("webhook-endpoints", {"url": "https://example.com/", "event_types": []}, "event_types", "“events”"),
        ("webhook-endpoints/{endpoint}/verify", {"challenge": "x"}, "challenge", "no fields"),
        ("webhook-endpoints/{endpoint}/rotate", {"keep": 1}, "keep", "no fields"),
        ("webhook-endpoints/{endpoint}/test", {"event": "x"}, "event", "no fields"),
        ("collections", {"name": "A", "generationIds": []}, "generationIds", "“generations”"),
        ("collections/{collection}/generations", {"generation_ids": []}, "generation_ids", "“generations”"),
    ],
)
def test_unknown_field_is_named_and_nothing_is_done(
    path: str, body: dict[str, Any], field: str, hint: str, made: tuple[Caller, dict[str, Any]]
) -> None:
    one, ids = made
    if body.get("images") == []:
        body = {**body, "images": ids["product"]}
    before = _everything()
    assert hint in _refused(one.post(path.format(**ids), body), field)
    assert _everything() == before


def _everything() -> list[Any]:
    kinds = (Enhancement, EnhancementItem, ResultImage, WebhookEndpoint, Collection, StoredResponse)
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]  # type: ignore[attr-defined]


def test_unknown_field_of_an_image_is_named_with_its_position(made: tuple[Caller, dict[str, Any]]) -> None:
    one, ids = made
    images = [*ids["product"], {"product": "shop.product:1", "externalid": "A"}]
    response = one.post("enhancements", {"operation": "upscale", "images": images})
    assert "“external_id”" in _refused(response, "images", "1", "externalid")


def test_delete_with_a_body_is_refused(made: tuple[Caller, dict[str, Any]]) -> None:
    one, ids = made
    headers = {"Authorization": f"Bearer {one.text}"}
    path = f"{BASE}webhook-endpoints/{ids['endpoint']}"
    response = Client().delete(path, '{"soft": true}', content_type="application/json", headers=headers)
    assert "no fields" in _refused(response, "soft")
    assert WebhookEndpoint.objects.exists()


def test_unused_form_part_is_named(caller: Call) -> None:
    one = caller()
    parts = [SimpleUploadedFile(f"{n}.jpg", encoded(draw_product((60 + n, 60))), "image/jpeg") for n in (1, 2)]
    request = json.dumps({"operation": "upscale", "images": [{"image": {"file": "a"}}]})
    response = one.form("enhancements", {"request": request, "a": parts[0], "b": parts[1], "budget": "1"})
    assert "does not mention" in _refused(response, "b")
    assert "does not mention" in _refused(response, "budget")
    assert not Enhancement.objects.exists()


def test_schema_describes_bodies_as_closed(client: Client) -> None:
    schema = client.get(BASE + "schema").json()
    for operations in schema["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                name = content["schema"]["$ref"].rpartition("/")[2]
                assert schema["components"]["schemas"][name]["additionalProperties"] is False, name
    assert schema["components"]["schemas"]["PictureInRequest"]["additionalProperties"] is False


@pytest.mark.parametrize("bad", [_HALF, "a\0b", "\udfff\ud800"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("enhancements", {"operation": "upscale", "options": {"BAD": "x"}, "images": [{"product": "a.b:1"}]}),
        ("enhancements", {"operation": "upscale", "options": {"factor": "BAD"}, "images": [{"product": "a.b:1"}]}),
        ("enhancements", {"operation": "BAD", "images": [{"product": "a.b:1"}]}),
        ("enhancements", {"BAD": 1}),
        ("quote", {"operation": "upscale", "options": {"BAD": "x"}, "images": [{"product": "BAD"}]}),
        ("webhook-endpoints", {"url": "https://example.com/", "events": ["BAD"]}),
        ("collections", {"name": "BAD"}),
        ("tools/upscale", {"source_url": "https://example.com/BAD.jpg"}),
        ("enhancements/00000000-0000-0000-0000-000000000000/cancel", {"BAD": 1}),
    ],
)
def test_unstorable_text_in_json_is_refused(path: str, body: Any, bad: str, caller: Call) -> None:
    sent = json.loads(json.dumps(body).replace("BAD", json.dumps(bad)[1:-1]))
    response = caller().post(path, sent)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")
    assert "cannot be stored" in response.json()["error"]["message"]


def test_unstorable_text_in_a_form_is_refused(caller: Call) -> None:
    one = caller()
    assert one.form("enhancements", {"request": json.dumps({"file": _HALF})}).status_code == 400
    assert one.form("tools/upscale", {"name": "a\0b", "source_url": "https://example.com/a.jpg"}).status_code == 400


def test_escaped_backslashes_and_emoji_are_accepted(caller: Call) -> None:
    name = "\\ud83d 👟 \\u0000"
    response = caller().post("collections", {"name": name})
    assert (response.status_code, response.json()["collection"]["name"]) == (201, name)


@pytest.mark.parametrize("key", ["%00", "1%00", "²", "9" * 30, "%ED%A0%80"])
def test_malformed_product_keys_are_not_found(key: str, caller: Call, make_product: Any) -> None:
    make_product()
    assert caller().get(f"products/shop.product:{key}").status_code == 404


class TestUnexpectedErrors:
    """Unexpected errors keep the envelope."""

    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
        def break_it(error: Exception) -> None:
            def fail(*_: Any) -> None:
                raise error

            monkeypatch.setattr(cancel, "cancel", fail)

        return break_it

    def test_unexpected_error_has_the_envelope_and_is_logged(
        self, made: tuple[Caller, dict[str, Any]], broken: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, ids = made
        broken(KeyError("secret detail"))
        client = Client(raise_request_exception=False)
        headers = {"Authorization": f"Bearer {one.text}", "X-Request-Id": "req-of-the-caller"}
        path = f"{BASE}enhancements/{ids['enhancement']}/cancel"
        response = client.post(path, content_type="application/json", headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (500, "server_error")
        assert response.json()["error"]["request_id"] == response["X-Request-Id"] == "req-of-the-caller"
        assert "secret detail" not in response.content.decode()
        logged = [vars(record)["request_id"] for record in caplog.records if record.name == "product_imagery"]
        assert logged == ["req-of-the-caller"]
        assert "secret detail" in caplog.text

    def test_unexpected_error_reaches_the_site_s_error_monitoring(
        self, made: tuple[Caller, dict[str, Any]], broken: Any
    ) -> None:
        one, ids = made
        broken(KeyError("x"))
        with pytest.raises(KeyError):  # the test client listens to Django's signal, as error trackers do
            one.post(f"enhancements/{ids['enhancement']}/cancel")

    def test_busy_database_is_a_503_with_retry_after(
        self, made: tuple[Caller, dict[str, Any]], broken: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, ids = made
        broken(OperationalError("deadlock detected"))
        response = one.post(f"enhancements/{ids['enhancement']}/cancel")
        assert (response.status_code, response.json()["error"]["code"]) == (503, "busy")
        assert int(response["Retry-After"]) > 0
        logged = [vars(record)["request_id"] for record in caplog.records if record.name == "product_imagery"]
        assert logged == [response["X-Request-Id"]]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_refused_requests_count_under_atomic_requests(caller: Call, settings: Any) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    one = caller(requests_per_minute=10)
    unknown = {"preset": "nothing", "images": [{"product": "shop.product:1"}]}
    try:
        wrong = [one.post("quote", unknown).status_code for _ in range(6)]
        missing = [one.get(f"enhancements/00000000-0000-0000-0000-{n:012}").status_code for n in range(12)]
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
    assert set(wrong[:2]) == {400}
    assert 429 in missing
    assert sum(RateUse.objects.values_list("weight", flat=True)) == 10
    one.key.refresh_from_db()
    assert one.key.last_used_at is not None
