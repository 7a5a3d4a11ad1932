"""The admin as a merchant uses it, over HTTP: forms in, pages out, permissions at every step."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ImageVersion,
    Preset,
    ProviderJob,
    ResultImage,
    Selection,
)
from product_imagery.states import EnhancementStatus, Review
from tests.admin.pages import press_start, read

Make = Callable[..., Product]
Person = Callable[..., Client]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]

_PRODUCTS = ("view_product", "change_product")
_CHANGELIST = "admin:shop_product_changelist"


def _select(client: Client, *products: Product) -> Any:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return client.post(reverse(_CHANGELIST), data)


def _start_page(selection: Selection) -> str:
    return reverse("admin:shop_product_enhance_images", args=[selection.pk])


def _page(enhancement: Enhancement, name: str = "change") -> str:
    return reverse(f"admin:product_imagery_enhancement_{name}", args=[enhancement.pk])


def _text(response: Any) -> str:
    assert response.status_code == 200, response
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_from_selection_to_the_product_and_back(make_product: Make, person: Person, work: Work) -> None:
    client, product = person("*"), make_product("Red bottle")
    Preset.objects.filter(name="larger").update(position=1)
    response = _select(client, product)
    selection = Selection.objects.get()
    assert response.url == _start_page(selection)
    page = _text(client.get(response.url))
    assert "1 product selected" in page
    assert "1 picture to make" in page
    assert "free cost" in page
    response = press_start(client, response.url, preset="larger", **{"option-format": "png"})
    enhancement = Enhancement.objects.get()
    assert response.url == _page(enhancement)
    assert (enhancement.options["format"], enhancement.channel) == ("png", "admin")
    assert "0 / 1" in _text(client.get(response.url))
    work()
    assert "Review 1 picture" in _text(client.get(response.url))
    review = _page(enhancement, "review")
    assert "Red bottle" in _text(client.get(review))
    result = ResultImage.objects.get()
    client.post(review, {"approve_and_publish": result.pk})
    work()
    product.refresh_from_db()
    assert product.enhanced_photo
    assert "· on the product</li>" in client.get(review + "?show=all").content.decode()
    version = ImageVersion.objects.get()
    versions = reverse("admin:product_imagery_imageversion_changelist")
    assert "Red bottle" in _text(client.get(versions))
    data = {"action": "restore", "_selected_action": [version.pk]}
    assert "1 picture was put back" in _text(client.post(versions, data, follow=True))
    product.refresh_from_db()
    assert not product.enhanced_photo


def test_the_selection_stays_on_the_server_and_belongs_to_one_person(make_product: Make, person: Person) -> None:
    mine, other = person("*"), person("*")
    response = _select(mine, *[make_product(sku=f"n{k}") for k in range(5)])
    assert "_selected_action" not in mine.get(response.url).content.decode()
    assert "was started already" in _text(other.get(response.url, follow=True))


def test_every_step_needs_its_own_permission(make_product: Make, person: Person, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    may_not = person(*_PRODUCTS)
    assert "enhance_images" not in may_not.get(reverse(_CHANGELIST)).content.decode()
    _select(may_not, product)
    assert not Selection.objects.exists()
    starter = person(*_PRODUCTS, "start_enhancement")
    _select(starter, product)
    assert may_not.post(_start_page(Selection.objects.get()), {"start": "1"}).status_code == 403

    enhancement = enlarge(product)
    viewer = person(*_PRODUCTS, "view_enhancement", "view_resultimage", "view_imageversion")
    assert viewer.post(_page(enhancement), {"cancel": "1"}).status_code == 403
    work()
    result = ResultImage.objects.get()
    review = _page(enhancement, "review")
    assert viewer.get(review).status_code == 200
    for step in ("approve", "approve_and_publish", "reject", "publish"):
        assert viewer.post(review, {step: result.pk}).status_code == 403
    reviewer = person(*_PRODUCTS, "view_resultimage", "review_resultimage")
    assert reviewer.post(review, {"approve_and_publish": result.pk}).status_code == 403
    assert reviewer.post(review, {"approve": result.pk}).status_code == 302
    assert reviewer.post(review, {"publish": result.pk}).status_code == 403
    assert 'name="publish"' not in reviewer.get(review + "?show=all").content.decode()
    publisher = person(*_PRODUCTS, "view_resultimage", "publish_resultimage")
    publisher.post(review, {"publish": result.pk})
    work()
    version = ImageVersion.objects.get()
    viewer.post(
        reverse("admin:product_imagery_imageversion_changelist"),
        {"action": "restore", "_selected_action": [version.pk]},
    )
    version.refresh_from_db()
    assert version.restored_at is None


def test_publishing_without_review_is_offered_only_to_those_who_may(make_product: Make, person: Person) -> None:
    starter = person(*_PRODUCTS, "start_enhancement")
    response = _select(starter, make_product())
    assert "auto_approve" not in starter.get(response.url).content.decode()
    press_start(starter, response.url, preset="cut-out", auto_approve="on")
    assert not Enhancement.objects.get().auto_approve


def test_a_bad_option_is_shown_at_its_field(make_product: Make, person: Person) -> None:
    client = person("*")
    response = _select(client, make_product())
    data = {**read(client.get(response.url + "?preset=white")).values, "start": "1"}
    data |= {"option-ratio": "wide", "option-fill": "7"}
    page = _text(client.post(response.url, data))
    assert "write width:height" in page
    assert "less than or equal to 1" in page
    assert not Enhancement.objects.exists()


def test_the_figures_follow_the_choice(make_product: Make, person: Person, enlarge: Enlarge, work: Work) -> None:
    client, product = person("*"), make_product()
    enlarge(product)
    work()
    response = _select(client, product)
    page = client.get(response.url + "?preset=larger")
    assert "1 picture has this look already" in _text(page)
    assert re.search(r'name="start"[^>]*disabled', page.content.decode())
    data = read(page).values | {"fresh": "on", "preview": "1"}
    assert "1 picture to make" in _text(client.post(response.url, data))


def test_a_double_click_starts_once(make_product: Make, person: Person) -> None:
    client = person("*")
    response = _select(client, make_product())
    data = {**read(client.get(response.url + "?preset=cut-out")).values, "start": "1"}
    assert client.post(response.url, data).status_code == 302
    assert "was started already" in _text(client.post(response.url, data, follow=True))
    assert Enhancement.objects.count() == 1


def test_failures_are_shown_with_their_reason_and_can_be_tried_again(
    make_product: Make, person: Person, enlarge: Enlarge, work: Work
) -> None:
    client, enhancement = person("*"), enlarge(make_product("Broken", content=b"x"), make_product("Good"))
    work()
    page = _text(client.get(_page(enhancement)))
    assert "Broken" in page
    assert "not a picture that can be read" in page
    assert "1 picture is tried again" in _text(client.post(_page(enhancement), {"retry": "1"}, follow=True))
    assert ProviderJob.objects.filter(state="queued").count() == 1


def test_cancelling_from_the_page_and_from_the_list(make_product: Make, person: Person, enlarge: Enlarge) -> None:
    client, first, second = person("*"), enlarge(make_product()), enlarge(make_product())
    assert "1 picture was cancelled" in _text(client.post(_page(first), {"cancel": "1"}, follow=True))
    data = {"action": "cancel_selected", "_selected_action": [first.pk, second.pk]}
    page = _text(client.post(reverse("admin:product_imagery_enhancement_changelist"), data, follow=True))
    assert "has ended already" in page
    assert set(Enhancement.objects.values_list("status", flat=True)) == {EnhancementStatus.CANCELLED}


def test_ticked_pictures_are_judged_together(make_product: Make, person: Person, enlarge: Enlarge, work: Work) -> None:
    client, enhancement = person("*"), enlarge(*[make_product(sku=f"n{k}") for k in range(3)])
    work()
    keep, *others = ResultImage.objects.values_list("pk", flat=True)
    review = _page(enhancement, "review")
    assert "2 pictures rejected" in _text(client.post(review, {"reject": "ticked", "ticked": others}, follow=True))
    assert "Tick at least one" in _text(client.post(review, {"approve": "ticked"}, follow=True))
    again = _text(client.post(review, {"approve": others[0]}, follow=True))
    assert "This picture is rejected already" in again
    other = person("*")
    again = _text(other.post(review, {"approve": others[0]}, follow=True))
    first = ResultImage.objects.get(pk=others[0]).reviewed_by
    assert f"{first} has rejected this picture already".lower() in again.lower()
    assert ResultImage.objects.get(pk=keep).review == Review.PENDING


def test_results_of_another_enhancement_cannot_be_judged_here(
    make_product: Make, person: Person, enlarge: Enlarge, work: Work
) -> None:
    client, mine, other = person("*"), enlarge(make_product()), enlarge(make_product())
    work()
    foreign = ResultImage.objects.get(item__enhancement=other)
    client.post(_page(mine, "review"), {"approve": foreign.pk})
    foreign.refresh_from_db()
    assert foreign.review == Review.PENDING


@pytest.mark.parametrize("name", ["enhancement", "enhancementitem", "preset", "providercredential", "imageversion"])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(
    name: str, make_product: Make, person: Person, enlarge: Enlarge, work: Work
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counts = person("*"), []
    started: dict[str, Any] = {"auto_approve": True, "actor": get_user_model().objects.get()}
    enlarge(make_product(), **started)
    work()
    address = reverse(f"admin:product_imagery_{name}_changelist")
    client.get(address)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts.append(len(queries))
        for number in range(4):
            enlarge(make_product(sku=f"{len(counts)}-{number}"), **started)
        work()
    assert counts[0] == counts[1]


def test_every_page_opens_for_the_operator(make_product: Make, person: Person, enlarge: Enlarge, work: Work) -> None:
    client = person("*")
    enhancement = enlarge(make_product(), make_product(content=b"x"), auto_approve=True)
    work()
    item = EnhancementItem.objects.filter(status="completed").get()
    for address in (
        reverse("admin:product_imagery_enhancementitem_change", args=[item.pk]),
        reverse("admin:product_imagery_imageversion_change", args=[ImageVersion.objects.get().pk]),
        reverse("admin:product_imagery_preset_change", args=[Preset.objects.all()[0].pk]),
        reverse("admin:product_imagery_preset_add"),
        reverse("admin:product_imagery_providercredential_change", args=[enhancement.credential_id]),
        reverse("admin:product_imagery_enhancement_changelist") + "?q=bottle&status__exact=partially_completed",
        _page(enhancement),
        _page(enhancement, "review") + "?show=all",
        _page(enhancement, "review") + "?show=rejected",
    ):
        assert client.get(address).status_code == 200, address
    assert client.get(_page(enhancement).replace(str(enhancement.pk), "999999")).status_code in (302, 404)


def test_the_progress_page_warns_when_no_worker_runs(make_product: Make, person: Person, enlarge: Enlarge) -> None:
    from datetime import timedelta

    from django.utils import timezone

    client, enhancement = person("*"), enlarge(make_product())
    ProviderJob.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    assert "No worker is running" in _text(client.get(_page(enhancement)))


def test_what_others_wrote_is_text_on_every_page(
    make_product: Make, person: Person, enlarge: Enlarge, work: Work
) -> None:
    """G20: names, files and prompts come from programs and providers."""
    evil = "<script>alert(1)</script>"
    enhancement = enlarge(make_product(evil))
    work()
    EnhancementItem.objects.update(external_id=evil, error_message=evil)
    ProviderJob.objects.update(note=evil, options={"prompt": evil})
    Enhancement.objects.update(options={"prompt": evil}, webhook_url=f"https://a.example/{evil}")
    client, item, job = person("*"), EnhancementItem.objects.get(), ProviderJob.objects.get()
    pages = [_page(enhancement), _page(enhancement, "review"), reverse("admin:product_imagery_enhancement_changelist")]
    pages += [reverse(f"admin:product_imagery_{name}_changelist") for name in ("enhancementitem", "providerjob")]
    pages += [reverse("admin:product_imagery_enhancementitem_change", args=[item.pk])]
    pages += [reverse("admin:product_imagery_providerjob_change", args=[job.pk])]
    shown = 0
    for page in pages:
        content = client.get(page).content.decode()
        assert evil not in content, page
        shown += "&lt;script&gt;" in content
    assert shown >= 4
