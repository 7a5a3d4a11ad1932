"""Enhancements from quote to restoration, by a program with a key."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from example_project.shop.models import Product
from product_imagery.models import (
    ApiKey,
    Enhancement,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def _id(product: Product) -> str:
    return f"shop.product:{product.pk}"


@pytest.fixture
def started(caller: Call, make_product: Any) -> tuple[Caller, Product, str]:
    """(caller, product, id of its enhancement)."""
    one, product = caller(), make_product()
    response = one.post("enhancements", {**LARGER, "images": [{"product": _id(product), "external_id": "sku-1"}]})
    assert response.status_code == 202, response.content
    return one, product, response.json()["enhancement"]["id"]


def test_catalogue_lists_operations_providers_presets_templates_and_products(caller: Call, make_product: Any) -> None:
    one, product = caller(), make_product()
    operations = one.get("operations").json()["operations"]
    assert {"white_background", "edit"} <= {offer["operation"] for offer in operations}
    assert any(option["choices"] for offer in operations for option in offer["options"])
    providers = {entry["id"]: entry["available"] for entry in one.get("providers").json()["providers"]}
    assert providers["local"]
    assert not providers["paqshot"]
    assert {offer["provider"] for offer in one.get("operations?provider=paqshot").json()["operations"]} == {"paqshot"}
    assert all(look["operation"] == "upscale" for look in one.get("presets?operation=upscale").json()["presets"])
    assert one.get("templates?colour=red").status_code == 400
    assert {"marble", "wood"} <= {entry["id"] for entry in one.get("templates").json()["templates"]}
    shown = one.get(f"products/{_id(product)}").json()["product"]
    assert shown["images"][0]["source"] == product.photo.name
    for nothing in ("shop.product:99999", "shop.product:x", "auth.user:1", "nonsense", "shop.product"):
        assert one.get(f"products/{nothing}").status_code == 404


def test_quote_starts_nothing(caller: Call, make_product: Any) -> None:
    images = [{"product": _id(make_product())} for _ in range(3)]
    response = caller().post("quote", {"preset": "white", "images": images}).json()["quote"]
    assert (response["to_do"], response["cost"]) == (3, "0.00")
    assert Enhancement.objects.count() == 0


def test_enhancement_is_started_approved_published_and_restored(
    started: tuple[Caller, Product, str], work: Callable[[], Any]
) -> None:
    one, product, identity = started
    assert one.get(f"enhancements/{identity}").json()["enhancement"]["status"] == "queued"
    work()
    shown = one.get(f"enhancements/{identity}").json()["enhancement"]
    assert (shown["status"], shown["total_items"], shown["sandbox"]) == ("completed", 1, False)
    (item,) = shown["items"]
    assert (item["external_id"], item["product"]) == ("sku-1", _id(product))
    (result,) = item["results"]
    assert result["image_url"].startswith("http://testserver/")
    assert one.post(f"generations/{result['id']}/approve").json()["generation"]["review"] == "approved"
    work()
    product.refresh_from_db()
    assert product.enhanced_photo.name
    assert one.get(f"generations/{result['id']}").json()["generation"]["publication"] == "published"
    assert one.post(f"generations/{result['id']}/restore").json()["generation"]["publication"] == "restored"
    product.refresh_from_db()
    assert not product.enhanced_photo.name
    again = one.post(f"generations/{result['id']}/approve")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")


def test_reject_and_regenerate(
    started: tuple[Caller, Product, str], work: Callable[[], Any], make_it_vary: Callable[[], None]
) -> None:
    one, _, _ = started
    work()
    first = one.get("generations").json()["generations"][0]["id"]
    refused = one.post(f"generations/{first}/regenerate")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "same_again")
    make_it_vary()
    assert one.post(f"generations/{first}/regenerate").status_code == 200
    work()
    assert len(one.get("generations").json()["generations"]) == 2
    assert len(one.get("generations?review=rejected").json()["generations"]) == 1
    second = one.get("generations?review=pending").json()["generations"][0]["id"]
    assert one.post(f"generations/{second}/reject").json()["generation"]["review"] == "rejected"


def test_cancelled_enhancement_is_neither_cancelled_nor_retried_again(started: tuple[Caller, Product, str]) -> None:
    one, _, identity = started
    cancelled = one.post(f"enhancements/{identity}/cancel").json()
    assert (cancelled["cancelled"], cancelled["enhancement"]["status"]) == (1, "cancelled")
    assert one.post(f"enhancements/{identity}/cancel").status_code == 409
    assert one.post(f"enhancements/{identity}/retry").status_code == 409  # nothing failed


@pytest.mark.parametrize(
    ("tool", "options"), [("remove-bg", {}), ("upscale", {"factor": "4"}), ("expand", {"ratio": "4:5"})]
)
def test_tool_starts_its_operation(tool: str, options: dict[str, str], caller: Call, make_product: Any) -> None:
    response = caller().post(f"tools/{tool}", {"product": _id(make_product()), "options": options})
    assert response.status_code == 202
    made = Enhancement.objects.get()
    assert made.operation == {"remove-bg": "remove_background"}.get(tool, tool)
    assert options.items() <= made.options.items()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"options": {"factor": "3"}}, (400, "bad_option")),
        ({"options": {"colour": "red"}}, (400, "bad_option")),
        ({"operation": "edit"}, (400, "unsupported_operation")),
        ({"credential": "nobody"}, (400, "unknown_credential")),
        ({"operation": "", "preset": "nothing"}, (400, "invalid_request")),
        ({"images": []}, (400, "invalid_request")),
        ({"images": [{"product": "shop.product:0"}]}, (400, "invalid_request")),
        ({"images": [{"product": "auth.user:1"}]}, (400, "invalid_request")),
        ({"budget": "-1"}, (400, "invalid_request")),
        ({"tenant": 7, "state": "done", "cost": 0}, (400, "invalid_request")),
    ],
)
def test_impossible_requests_have_status_and_code(
    change: dict[str, Any], expected: tuple[int, str], caller: Call, make_product: Any
) -> None:
    response = caller().post("enhancements", {**LARGER, "images": [{"product": _id(make_product())}], **change})
    code = response.json()["error"]["code"] if "error" in response.json() else ""
    assert (response.status_code, code) == expected
    assert Enhancement.objects.count() == (expected[0] == 202)


def test_automatic_approval_requires_the_review_scope(caller: Call, make_product: Any) -> None:
    one = caller(scopes=("read", "enhance"))
    response = one.post("enhancements", {**LARGER, "images": [{"product": _id(make_product())}], "approve": True})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "missing_scope")


class TestTestKeys:
    """Test keys run on the local engine, charge nothing and change no product."""

    def test_test_key_buys_and_publishes_nothing(
        self, caller: Call, make_product: Any, work: Callable[[], Any]
    ) -> None:
        one, product = caller(is_test=True), make_product()
        response = one.post("enhancements", {**LARGER, "images": [{"product": _id(product)}], "approve": True})
        assert response.json()["enhancement"]["sandbox"]
        assert response.json()["enhancement"]["provider"] == "local"
        work()
        product.refresh_from_db()
        assert not product.enhanced_photo.name
        assert ResultImage.objects.get().publication == "none"

    def test_live_and_test_keys_do_not_see_each_other(
        self, caller: Call, make_product: Any, work: Callable[[], Any]
    ) -> None:
        live, test, product = caller(), caller(is_test=True), make_product()
        for one in (live, test):
            response = one.post(
                "enhancements", {**LARGER, "images": [{"product": _id(product)}]}, key=f"k-{one.key.pk}-0000"
            )
            assert response.status_code == 202, response.content
        work()
        for one in (live, test):
            assert len(one.get("enhancements").json()["enhancements"]) == 1
            (seen,) = one.get("generations").json()["generations"]
            assert seen["sandbox"] == one.key.is_test


def test_budget_of_a_key_is_enforced(caller: Call, make_product: Any, settings: Any) -> None:
    ProviderCredential.objects.create(provider="paqshot", label="Main")
    one = caller(budget_day=Decimal(2))
    images = [{"product": _id(make_product(sku=f"b{n}"))} for n in range(3)]
    body = {"operation": "white_background", "credential": "Main"}
    response = one.post("enhancements", {**body, "images": images})
    assert (response.status_code, response.json()["error"]["code"]) == (402, "over_budget")
    assert one.post("enhancements", {**body, "images": images[:2]}).status_code == 202
    assert one.post("enhancements", {**body, "images": images[2:]}).status_code == 402
    assert ApiKey.objects.count() == 1


class TestIsolation:
    """G3, G4: rows of another owner are not found."""

    def test_rows_of_another_owner_are_not_found(
        self, started: tuple[Caller, Product, str], caller: Call, work: Callable[[], Any]
    ) -> None:
        one, _, identity = started
        work()
        result = one.get("generations").json()["generations"][0]["id"]
        stranger = caller("stranger")
        before = (list(Enhancement.objects.values()), list(ResultImage.objects.values()), ProviderJob.objects.count())
        for path in (f"enhancements/{identity}", f"generations/{result}"):
            assert stranger.get(path).status_code == 404
        for step in ("cancel", "retry"):
            assert stranger.post(f"enhancements/{identity}/{step}").status_code == 404
        for step in ("approve", "reject", "regenerate", "restore"):
            assert stranger.post(f"generations/{result}/{step}").status_code == 404
        assert stranger.get("enhancements").json()["enhancements"] == []
        assert stranger.get("generations").json()["generations"] == []
        after = (list(Enhancement.objects.values()), list(ResultImage.objects.values()), ProviderJob.objects.count())
        assert before == after


def test_cursor_pages_cover_all_rows_once(
    caller: Call, make_product: Any, work: Callable[[], Any], django_assert_num_queries: Any
) -> None:
    one = caller()
    images = [{"product": _id(make_product(sku=f"p{n}"))} for n in range(5)]
    one.post("enhancements", {**LARGER, "images": images})
    work()
    seen, cursor = [], ""
    while True:
        page = one.get(f"generations?limit=2&cursor={cursor}" if cursor else "generations?limit=2").json()
        seen += [entry["id"] for entry in page["generations"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == EnhancementItem.objects.count() == 5
    assert [entry["id"] for entry in one.get("generations?offset=3").json()["generations"]] == seen[3:]


def test_a_hint_is_an_option_and_another_hint_another_order(caller: Call, make_product: Any) -> None:
    one, images = caller(), [{"product": _id(make_product())}]
    listed = one.get("operations?provider=local").json()["operations"]
    kinds = {option["name"]: option["kind"] for offer in listed for option in offer["options"]}
    assert (kinds["region"], kinds["keep"], kinds["remove"]) == ("region", "strokes", "strokes")

    def ask(**hint: Any) -> Any:
        return one.post("enhancements", {"operation": "remove_background", "options": hint, "images": images})

    assert ask().status_code == 202
    made = ask(region=[0.1, 0.2, 0.5, 0.6], keep=[[0.3, 0.4]])
    assert made.status_code == 202, made.content
    assert made.json()["enhancement"]["options"]["region"] == "0.1,0.2,0.5,0.6"
    keys = list(EnhancementItem.objects.values_list("work_key", flat=True))
    assert len(set(keys)) == 2
    refused = ask(region=[0.6, 0.2, 0.5, 0.6])
    assert refused.status_code == 400
    assert "in shares of the picture from 0 to 1" in refused.json()["error"]["message"]
