"""What a request may hold: declared fields and storable text. Everything else is refused by name, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from product_imagery.flows import steer
from product_imagery.models import (
    Collection,
    Enhancement,
    EnhancementItem,
    RateUse,
    ResultImage,
    StoredAnswer,
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


def _refused(answer: Any, *path: str) -> str:
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] == "invalid_request"
    found = answer.json()["error"]["details"]
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
        ("tools/expand", {"source_url": "https://example.com/a.jpg", "ratio": "16:9"}, "ratio", "There are: "),
        ("tools/upscale", {"source_url": "https://example.com/a.jpg", "scale": "4x"}, "scale", "There are: "),
        (
            "products",
            {"source_url": "https://example.com/a.jpg", "product": "shop.product:1"},
            "product",
            "There are: ",
        ),
        ("webhook-endpoints", {"url": "https://example.com/", "event_types": []}, "event_types", "“events”"),
        ("webhook-endpoints/{endpoint}/verify", {"challenge": "x"}, "challenge", "no fields"),
        ("webhook-endpoints/{endpoint}/rotate", {"keep": 1}, "keep", "no fields"),
        ("webhook-endpoints/{endpoint}/test", {"event": "x"}, "event", "no fields"),
        ("collections", {"name": "A", "generationIds": []}, "generationIds", "“generations”"),
        ("collections/{collection}/generations", {"generation_ids": []}, "generation_ids", "“generations”"),
    ],
)
def test_an_unknown_field_is_named_and_nothing_is_done(
    path: str, body: dict[str, Any], field: str, hint: str, made: tuple[Caller, dict[str, Any]]
) -> None:
    one, ids = made
    if body.get("images") == []:
        body = {**body, "images": ids["product"]}
    before = _everything()
    assert hint in _refused(one.post(path.format(**ids), body), field)
    assert _everything() == before


def _everything() -> list[Any]:
    kinds = (Enhancement, EnhancementItem, ResultImage, WebhookEndpoint, Collection, StoredAnswer)
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]  # type: ignore[attr-defined]


def test_an_unknown_field_of_one_image_is_named_with_its_place(made: tuple[Caller, dict[str, Any]]) -> None:
    one, ids = made
    images = [*ids["product"], {"product": "shop.product:1", "externalid": "A"}]
    answer = one.post("enhancements", {"operation": "upscale", "images": images})
    assert "“external_id”" in _refused(answer, "images", "1", "externalid")


def test_a_delete_with_a_body_is_refused(made: tuple[Caller, dict[str, Any]]) -> None:
    one, ids = made
    headers = {"Authorization": f"Bearer {one.text}"}
    path = f"{BASE}webhook-endpoints/{ids['endpoint']}"
    answer = Client().delete(path, '{"soft": true}', content_type="application/json", headers=headers)
    assert "no fields" in _refused(answer, "soft")
    assert WebhookEndpoint.objects.exists()


def test_a_part_of_a_form_that_nothing_mentions_is_named(caller: Call) -> None:
    one = caller()
    parts = [SimpleUploadedFile(f"{n}.jpg", encoded(draw_product((60 + n, 60))), "image/jpeg") for n in (1, 2)]
    request = json.dumps({"operation": "upscale", "images": [{"image": {"file": "a"}}]})
    answer = one.form("enhancements", {"request": request, "a": parts[0], "b": parts[1], "budget": "1"})
    assert "does not mention" in _refused(answer, "b")
    assert "does not mention" in _refused(answer, "budget")
    assert not Enhancement.objects.exists()


def test_closed_bodies_are_closed_in_the_schema_as_well(client: Client) -> None:
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
def test_text_that_nobody_can_store_is_refused_at_the_door(path: str, body: Any, bad: str, caller: Call) -> None:
    sent = json.loads(json.dumps(body).replace("BAD", json.dumps(bad)[1:-1]))
    answer = caller().post(path, sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert "not text" in answer.json()["error"]["message"]


def test_such_text_in_a_form_is_refused_as_well(caller: Call) -> None:
    one = caller()
    assert one.form("enhancements", {"request": json.dumps({"file": _HALF})}).status_code == 400
    assert one.form("tools/upscale", {"name": "a\0b", "source_url": "https://example.com/a.jpg"}).status_code == 400


def test_text_that_only_looks_like_it_is_taken(caller: Call) -> None:
    name = "\\ud83d 👟 \\u0000"
    answer = caller().post("collections", {"name": name})
    assert (answer.status_code, answer.json()["collection"]["name"]) == (201, name)


@pytest.mark.parametrize("key", ["%00", "1%00", "²", "9" * 30, "%ED%A0%80"])
def test_odd_keys_in_an_address_are_not_found(key: str, caller: Call, make_product: Any) -> None:
    make_product()
    assert caller().get(f"products/shop.product:{key}").status_code == 404


class TestUnforeseen:
    """What nobody foresaw keeps the contract."""

    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
        def break_it(error: Exception) -> None:
            def fail(*_: Any) -> None:
                raise error

            monkeypatch.setattr(steer, "cancel", fail)

        return break_it

    def test_an_error_of_ours_comes_in_the_envelope_and_is_logged(
        self, made: tuple[Caller, dict[str, Any]], broken: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, ids = made
        broken(KeyError("secret detail"))
        client = Client(raise_request_exception=False)
        headers = {"Authorization": f"Bearer {one.text}", "X-Request-Id": "req-of-the-caller"}
        path = f"{BASE}enhancements/{ids['enhancement']}/cancel"
        answer = client.post(path, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "server_error")
        assert answer.json()["error"]["request_id"] == answer["X-Request-Id"] == "req-of-the-caller"
        assert "secret detail" not in answer.content.decode()
        assert "req-of-the-caller" in caplog.text
        assert "secret detail" in caplog.text

    def test_what_watches_the_site_still_sees_it(self, made: tuple[Caller, dict[str, Any]], broken: Any) -> None:
        one, ids = made
        broken(KeyError("x"))
        with pytest.raises(KeyError):  # the test client listens to Django's signal, as error trackers do
            one.post(f"enhancements/{ids['enhancement']}/cancel")

    def test_a_busy_database_is_a_reason_to_come_again(self, made: tuple[Caller, dict[str, Any]], broken: Any) -> None:
        one, ids = made
        broken(OperationalError("deadlock detected"))
        answer = one.post(f"enhancements/{ids['enhancement']}/cancel")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
        assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_refused_requests_count_on_a_site_whose_requests_are_transactions(caller: Call, settings: Any) -> None:
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
