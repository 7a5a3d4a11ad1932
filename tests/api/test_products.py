"""Products of the shop, and uploads: as a file, in base64, by URL."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from example_project.shop.models import Product
from product_imagery.api.pictures import IncomingPicture, receive_pictures
from product_imagery.api.products import Viewer
from product_imagery.flows.worker import maintenance
from product_imagery.models import Enhancement, EnhancementItem, Upload
from tests.api.conftest import Caller
from tests.conftest import draw_product, encoded
from tests.fakes.shop_side import OtherSide
from tests.fakes.storages import raising, storing

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
Work = Callable[[], Any]
LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def _text(picture: bytes | None = None) -> str:
    return base64.b64encode(picture or encoded(draw_product())).decode()


def _file(name: str = "mug.jpg", picture: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture or encoded(draw_product()), "image/jpeg")


def _content() -> ContentFile[bytes]:
    return ContentFile(encoded(draw_product()), name="a.jpg")


def _stored(settings: Any) -> list[str]:
    folder = Path(settings.MEDIA_ROOT, "product_imagery", "uploads")
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestListing:
    def test_pages_run_through_all_kinds(self, caller: Call, make_product: Any, gallery: Any) -> None:
        one = caller()
        first, second = make_product("Red bottle"), make_product("Blue mug")
        mine = one.form("products", {"image": _file(), "name": "My own"}).json()["product"]["id"]
        seen, cursor = [], ""
        while True:
            page = one.get(f"products?limit=1&cursor={cursor}" if cursor else "products?limit=1").json()
            seen += page["products"]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert [entry["id"] for entry in seen] == [
            mine,
            f"shop.collection:{gallery.pk}",
            f"shop.product:{second.pk}",
            f"shop.product:{first.pk}",
        ]
        assert len(seen[1]["images"]) == 3
        assert seen[3]["name"] == "Red bottle"
        assert seen[3]["images"][0]["source_url"].startswith("http://testserver/media/")

    def test_number_of_queries_is_constant(self, caller: Call, make_product: Any) -> None:
        one = caller()
        make_product()
        one.get("products?kind=shop.product")  # what Django remembers
        counts = []
        for number in (1, 5):
            for more in range(1, number):
                make_product(sku=f"more-{more}")
            with CaptureQueriesContext(connection) as queries:
                assert len(one.get("products?kind=shop.product").json()["products"]) == number
            counts.append(len(queries))
        assert counts[0] == counts[1] < 20
        assert one.get("products?kind=auth.user").status_code == 400
        assert one.get("products?ordering=price").status_code == 400

    def test_only_models_that_the_owner_may_view(self, caller: Call, make_product: Any) -> None:
        one, product = caller(), make_product()
        one.key.owner.user_permissions.remove(*Permission.objects.filter(content_type__app_label="shop"))
        assert one.get("products").json()["products"] == []
        response = one.get(f"products/shop.product:{product.pk}")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "missing_permission")
        asked = {**LARGER, "images": [{"product": f"shop.product:{product.pk}"}]}
        assert one.post("enhancements", asked).status_code == 403


class TestUploads:
    @pytest.mark.parametrize("way", ["base64", "data", "form", "file"])
    def test_upload_becomes_a_product_that_can_be_enhanced(
        self, way: str, caller: Call, work: Work, side: OtherSide
    ) -> None:
        one = caller()
        fields = {"name": "Mug", "external_id": "sku-9"}
        if way == "base64":
            made = one.post("products", {**fields, "image": _text()})
        elif way == "data":
            made = one.post("products", {**fields, "image": "data:image/jpeg;base64," + _text()})
        elif way == "form":
            made = one.form("products", {**fields, "image": _file()})
        else:
            request = json.dumps({**fields, "image": {"file": "a"}})
            made = one.form("products", {"request": request, "a": _file()})
        assert made.status_code == 201, made.content
        product = made.json()["product"]
        assert (product["name"], len(product["images"])) == ("Mug", 1)
        started = one.post("enhancements", {**LARGER, "approve": True, "images": [{"product": product["id"]}]})
        assert started.status_code == 202
        work()
        shown = one.get(f"products/{product['id']}").json()["product"]["images"][0]
        assert shown["enhanced"].startswith("product_imagery/uploads/")
        assert shown["enhanced_url"]

    def test_one_request_mixes_all_forms_of_pictures(
        self, caller: Call, make_product: Any, work: Work, side: OtherSide
    ) -> None:
        side.pictures["/far.jpg"] = encoded(draw_product(colour="#2040b0"))
        images = [
            {"product": f"shop.product:{make_product().pk}", "external_id": "one"},
            {"source_url": f"{side.address}/far.jpg", "external_id": "two"},
            {"image": _text(encoded(draw_product(colour="#20b040"))), "external_id": "three"},
            {"image": {"file": "part"}, "external_id": "four"},
        ]
        one = caller()
        request = json.dumps({**LARGER, "images": images})
        part = _file(picture=encoded(draw_product(colour="#b0b040")))
        response = one.form("enhancements", {"request": request, "part": part})
        assert response.status_code == 202, response.content
        assert side.fetched == []  # a worker does that
        work()
        shown = one.get(f"enhancements/{response.json()['enhancement']['id']}").json()["enhancement"]
        assert {item["external_id"]: item["status"] for item in shown["items"]} == dict.fromkeys(
            ("one", "two", "three", "four"), "completed"
        )
        assert side.fetched == ["/far.jpg"]

    def test_url_without_a_picture_fails_only_its_item(self, caller: Call, work: Work, side: OtherSide) -> None:
        side.pictures |= {"/good.jpg": encoded(draw_product()), "/page": b"<html>no picture</html>"}
        images = [{"source_url": f"{side.address}{path}"} for path in ("/good.jpg", "/page", "/gone.jpg")]
        response = caller().post("enhancements", {**LARGER, "images": images})
        assert response.status_code == 202
        work()
        ends = {item.label: item.error_code for item in EnhancementItem.objects.all()}
        assert ends == {"good.jpg": "", "page": "not_an_image", "gone.jpg": "gone"}

    def test_same_picture_is_not_enhanced_twice(self, caller: Call, work: Work, side: OtherSide) -> None:
        side.pictures["/a.jpg"] = encoded(draw_product(colour="#123456"))
        one = caller()
        for image in ({"image": _text()}, {"source_url": f"{side.address}/a.jpg"}):
            asked = {**LARGER, "images": [image]}
            assert one.post("enhancements", asked).status_code == 202
            work()
            again = one.post("enhancements", asked)
            assert (again.status_code, again.json()["error"]["code"]) == (409, "done_before")
            assert one.post("enhancements", {**asked, "fresh": True}).status_code == 202
            work()
        assert side.fetched == ["/a.jpg"] * 2  # fresh means: as it is there now

    def test_same_picture_twice_in_a_request_is_one_item(self, caller: Call, side: OtherSide) -> None:
        one = caller()
        url = {"source_url": f"{side.address}/a.jpg"}
        for images in ([{"image": _text()}] * 2, [url, url]):
            response = one.post("enhancements", {**LARGER, "images": images})
            assert response.json()["enhancement"]["total_items"] == 1

    def test_variants_that_share_a_photo_share_its_result(self, caller: Call, work: Work) -> None:
        one = caller()
        images = [{"image": _text(), "external_id": name} for name in ("V-red", "V-blue")]
        begun = one.post("enhancements", {**LARGER, "images": images})
        assert (begun.status_code, begun.json()["enhancement"]["total_items"]) == (202, 1)
        work()
        (item,) = one.get(f"enhancements/{begun.json()['enhancement']['id']}").json()["enhancement"]["items"]
        assert item["external_ids"] == ["V-red", "V-blue"]
        for name in ("V-red", "V-blue"):
            (found,) = one.get(f"generations?external_id={name}").json()["generations"]
            assert found["id"] == item["results"][0]["id"]

    def test_left_out_names_existing_work(self, caller: Call, work: Work) -> None:
        one, other = caller(), caller("other")
        red, blue = ({**LARGER, "images": [{"image": _text(), "external_id": name}]} for name in ("V-red", "V-blue"))
        begun = one.post("enhancements", red).json()["enhancement"]["id"]
        busy = one.post("enhancements", blue)
        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "under_way")
        assert busy.json()["error"]["left_out"][0]["enhancement"] == begun
        work()
        (made,) = one.get("generations").json()["generations"]
        done = one.post("enhancements", blue)
        assert (done.status_code, done.json()["error"]["code"]) == (409, "done_before")
        (left,) = done.json()["error"]["left_out"]
        assert (left["enhancement"], left["generations"]) == (begun, [made["id"]])
        assert other.post("enhancements", blue).status_code == 202  # pictures of another owner are not known

    def test_concurrent_requests_share_an_upload(self, caller: Call) -> None:
        """The request that is accepted later uses the upload that the first has kept."""
        viewer = Viewer(caller().key.owner, None)
        first, second = [IncomingPicture(image=_content())], [IncomingPicture(image=_content())]
        with receive_pictures(first, viewer) as one, receive_pictures(second, viewer) as two:
            assert Upload.objects.count() == 2
            with transaction.atomic():
                kept = one.accept()
            with transaction.atomic():
                assert two.accept() == kept
        assert Upload.objects.count() == 1

    def test_fresh_does_not_repeat_work_in_progress(self, caller: Call, side: OtherSide) -> None:
        one = caller()
        asked = {**LARGER, "images": [{"source_url": f"{side.address}/a.jpg"}], "fresh": True}
        assert one.post("enhancements", asked).status_code == 202
        again = one.post("enhancements", asked)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "under_way")

    def test_left_out_has_product_and_reason(self, caller: Call, make_product: Any, work: Work) -> None:
        one = caller()
        done, busy, fresh = (f"shop.product:{make_product(sku=name).pk}" for name in ("d", "b", "f"))
        one.post("enhancements", {**LARGER, "images": [{"product": done}]})
        work()
        one.post("enhancements", {**LARGER, "images": [{"product": busy}]})
        without = Product.objects.create(title="Nothing", sku="n", price=1)
        images = [{"product": name} for name in (done, busy, fresh, f"shop.product:{without.pk}")]
        response = one.post("enhancements", {**LARGER, "images": images}).json()
        assert response["enhancement"]["total_items"] == 1
        assert {entry["product"]: entry["reason"] for entry in response["left_out"]} == {
            done: "done_before",
            busy: "under_way",
            f"shop.product:{without.pk}": "no_picture",
        }

    def test_retry_fetches_the_url_again(self, caller: Call, work: Work, side: OtherSide) -> None:
        side.pictures["/a.jpg"] = b"<html>back soon</html>"
        one = caller()
        asked = {**LARGER, "images": [{"source_url": f"{side.address}/a.jpg"}]}
        identity = one.post("enhancements", asked).json()["enhancement"]["id"]
        work()
        side.pictures["/a.jpg"] = encoded(draw_product())
        assert one.post(f"enhancements/{identity}/retry").status_code == 200
        work()
        assert EnhancementItem.objects.get().status == "completed"

    def test_names_and_errors_contain_no_secrets(
        self, caller: Call, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = caller()
        url = "https://bucket.shop.example.com/mug%20blue.jpg?X-Amz-Signature=SECRETSECRET"
        inside = [(2, 1, 6, "", ("10.20.30.40", 443))]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: inside)
        response = one.post("enhancements", {**LARGER, "images": [{"source_url": url}]})
        work()
        shown = one.get(f"enhancements/{response.json()['enhancement']['id']}").content.decode()
        assert EnhancementItem.objects.get().label == "mug blue.jpg"
        assert "SECRET" not in shown
        assert "10.20" not in shown
        assert "public internet" in shown

    def test_unprintable_characters_are_removed_from_names(self, caller: Call) -> None:
        """F11: PostgreSQL stores no NUL."""
        images = [{"source_url": "https://shop.example.com/a%00b%1b%0ac.jpg"}]
        assert caller().post("enhancements", {**LARGER, "images": images}).status_code == 202
        assert EnhancementItem.objects.get().label == "abc.jpg"

    def test_purge_clears_name_and_url_of_unused_uploads(self, caller: Call, work: Work, side: OtherSide) -> None:
        """H10: a name and a signature, of an upload that nothing newer uses."""
        one = caller()
        side.pictures["/canary.jpg?sig=canary"] = side.pictures["/a.jpg"] = encoded(draw_product())
        for path in ("/canary.jpg?sig=canary", "/a.jpg"):
            image = {"source_url": side.address + path, "name": f"canary {path}"}
            assert one.post("enhancements", {**LARGER, "images": [image]}).status_code == 202
        work()
        Enhancement.objects.order_by("pk").update(finished_at=timezone.now() - timedelta(days=40))
        newer = {
            "operation": "upscale",
            "options": {"factor": "4"},
            "images": [{"source_url": f"{side.address}/a.jpg"}],
        }
        assert one.post("enhancements", newer).status_code == 202
        call_command("imagery_purge", "--days", "30", stdout=StringIO())
        gone, used = Upload.objects.order_by("pk")
        assert (gone.name, gone.source_url) == ("–", "")
        assert used.source_url == f"{side.address}/a.jpg"

    def test_number_of_queries_does_not_grow_with_urls(
        self, caller: Call, side: OtherSide, django_assert_max_num_queries: Any
    ) -> None:
        images = [{"source_url": f"{side.address}/{number}.jpg"} for number in range(200)]
        one = caller()
        with django_assert_max_num_queries(16):
            assert one.post("quote", {**LARGER, "images": images}).json()["quote"]["to_do"] == 200
        with django_assert_max_num_queries(50):
            assert one.post("enhancements", {**LARGER, "images": images}).status_code == 202

    def test_unavailable_storage_is_a_503(self, caller: Call) -> None:
        with storing(raising(OSError("no route to the bucket"))):
            response = caller().form("products", {"image": _file()})
        assert (response.status_code, response.json()["error"]["code"]) == (503, "storage")

    def test_refused_request_stores_no_upload(self, caller: Call, settings: Any) -> None:
        one = caller()
        asked = {"operation": "upscale", "options": {"factor": "7"}, "images": [{"image": _text()}]}
        assert one.post("enhancements", asked).status_code == 400
        assert one.post("quote", {**LARGER, "images": [{"image": _text()}]}).json()["quote"]["to_do"] == 1
        assert (Upload.objects.count(), _stored(settings)) == (0, [])

    def test_repeated_upload_is_stored_once(self, caller: Call, settings: Any) -> None:
        one = caller()
        responses = [one.form("products", {"image": _file(), "name": "Mug"}, key="the-same-key") for _ in range(2)]
        assert [response.status_code for response in responses] == [201, 201]
        assert responses[0].content == responses[1].content
        assert (Upload.objects.count(), len(_stored(settings))) == (1, 1)
        other = one.form("products", {"image": _file(picture=encoded(draw_product((90, 90))))}, key="the-same-key")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
        assert len(_stored(settings)) == 1

    def test_uploads_left_by_a_crash_are_deleted(self, caller: Call, settings: Any) -> None:
        one = caller()
        one.form("products", {"image": _file(), "name": "Mug"})
        Upload.objects.update(kept=False, created_at=timezone.now() - timedelta(hours=2))
        maintenance.clear_up()
        assert (Upload.objects.count(), _stored(settings)) == (0, [])

    @pytest.mark.parametrize(
        ("image", "field"),
        [
            ({"image": "no base64!"}, "image"),
            ({"image": base64.b64encode(b"<svg/>").decode()}, "images"),
            ({"image": ""}, "image"),
            ({"image": 7}, "image"),
            ({}, "product"),
            ({"product": "shop.product:1", "source_url": "https://shop.example/a.jpg"}, "product"),
            ({"source_url": "http://169.254.169.254/latest/meta-data"}, "source_url"),
            ({"source_url": "https://127.0.0.1/a.jpg"}, "source_url"),
            ({"source_url": "ftp://shop.example/a.jpg"}, "source_url"),
            ({"product": "shop.product:99999999999999999999999999"}, "images"),
            ({"image": {"file": "a"}}, "image"),
        ],
    )
    def test_invalid_pictures_are_refused(self, image: dict[str, Any], field: str, caller: Call) -> None:
        response = caller().post("enhancements", {**LARGER, "images": [image]})
        assert response.status_code == 400
        assert field in json.dumps(response.json()["error"]["details"])
        assert Enhancement.objects.count() == Upload.objects.count() == 0

    def test_errors_name_the_position_of_the_picture(self, caller: Call, make_product: Any) -> None:
        good = {"product": f"shop.product:{make_product().pk}"}
        for path, bad in (("enhancements", {"image": _text(b"<svg/>")}), ("quote", {"product": "shop.product:0"})):
            images = [{"image": _text()}, good, bad]
            refused = caller().post(path, {**LARGER, "images": images})
            assert (refused.status_code, list(refused.json()["error"]["details"]["images"])) == (400, ["2"])

    def test_too_large_uploads_are_refused(self, caller: Call, settings: Any) -> None:
        settings.PRODUCT_IMAGERY = {"MAX_BYTES": 1000, "API_UPLOAD_BYTES": 20_000}
        one = caller()
        assert one.form("products", {"image": _file()}).status_code == 400
        assert one.form("products", {"image": _file(picture=b"\xff\xd8\xff" + bytes(30_000))}).status_code == 413
        assert one.post("products", {"image": "A" * 21_000_000}).status_code == 413
        assert one.form("products", {"request": "{", "a": _file()}).status_code == 400
        missing = one.form("products", {"request": '{"image": {"file": "b"}}', "a": _file()})
        assert "There is no part" in json.dumps(missing.json())


class TestOwnership:
    def test_uploads_are_visible_to_their_owner_only(self, caller: Call) -> None:
        one, stranger, test = caller(), caller("stranger"), caller(is_test=True)
        product = one.form("products", {"image": _file()}).json()["product"]["id"]
        for other in (stranger, test):
            assert other.get("products?kind=product_imagery.upload").json()["products"] == []
            assert other.get(f"products/{product}").status_code == 404
            assert other.delete(f"products/{product}").status_code == 404
            assert other.post("enhancements", {**LARGER, "images": [{"product": product}]}).status_code == 400
        assert Upload.objects.count() == 1

    def test_deleting_an_upload_keeps_its_results(
        self, caller: Call, work: Work, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        one = caller()
        product = one.form("products", {"image": _file()}).json()["product"]["id"]
        started = one.post("enhancements", {**LARGER, "approve": True, "images": [{"product": product}]})
        busy = one.delete(f"products/{product}")
        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "wrong_state")
        work()
        assert len(_stored(settings)) == 2
        with django_capture_on_commit_callbacks(execute=True):
            assert one.delete(f"products/{product}").status_code == 200
        assert _stored(settings) == []
        shown = one.get(f"enhancements/{started.json()['enhancement']['id']}").json()["enhancement"]
        assert shown["items"][0]["results"][0]["image_url"]

    def test_products_of_the_shop_cannot_be_deleted(self, caller: Call, make_product: Any) -> None:
        product = make_product()
        response = caller().delete(f"products/shop.product:{product.pk}")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "not_an_upload")
        assert Product.objects.filter(pk=product.pk).exists()


def test_test_key_runs_a_hosted_preset_on_the_local_engine(caller: Call, make_product: Any) -> None:
    one = caller(is_test=True)
    images = [{"product": f"shop.product:{make_product().pk}"}]
    response = one.post("enhancements", {"preset": "paqshot-white", "images": images})
    assert response.status_code == 202, response.content
    assert response.json()["enhancement"]["provider"] == "local"
    wrong = one.post("enhancements", {"preset": "paqshot-white", "options": {"nonsense": 1}, "images": images})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_option")
