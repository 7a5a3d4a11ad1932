"""The review: a queue of pictures, worst first, on which people decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.admin.review import steps
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ResultImage
from product_imagery.states import Publication, Review

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
Work = Callable[[], Any]
_PRODUCTS = ("view_product", "change_product")
_HX = {"HX-Request": "true"}


def _page(enhancement: Enhancement | None = None) -> str:
    return reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk] if enhancement else [])


def _text(response: Any) -> str:
    found: str = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
    return found


def _tiles(response: Any) -> list[int]:
    """Items of the tiles of a page, in their order."""
    return [int(pk) for pk in re.findall(r'<li class="review-tile[^"]*" id="item-(\d+)"', response.content.decode())]


@pytest.fixture
def four(make_product: Any, enlarge: Any, work: Work) -> Enhancement:
    """Four products with one pending result each; the third has a warning, the second a low confidence."""
    enhancement: Enhancement = enlarge(*(make_product(f"Mug {n}", sku=f"n{n}") for n in range(4)))
    work()
    _first, second, third, _fourth = ResultImage.objects.order_by("pk")
    ResultImage.objects.filter(pk=second.pk).update(confidence=0.6)
    ResultImage.objects.filter(pk=third.pk).update(warnings=["low_contrast"])
    EnhancementItem.objects.rank(enhancement.items.all())
    return enhancement


@pytest.fixture
def variants(make_product: Any, enlarge: Any, work: Work) -> list[ResultImage]:
    """Three results of one picture, pending."""
    enlarge(make_product("Red bottle"))
    work()
    first = ResultImage.objects.get()
    for _ in range(2):
        copied = ResultImage.objects.get(pk=first.pk)
        copied.pk, copied.uuid, copied._state.adding = None, ResultImage().uuid, True  # type: ignore[assignment]
        copied.save()
    return list(ResultImage.objects.order_by("pk"))


@pytest.fixture
def slow_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give people ten minutes for second thoughts."""
    monkeypatch.setattr(steps, "UNDO_SECONDS", 600.0)


def _results() -> list[ResultImage]:
    return list(ResultImage.objects.order_by("pk"))


def _states() -> list[tuple[str, str]]:
    return list(ResultImage.objects.order_by("pk").values_list("review", "publication"))


def test_the_worst_come_first_and_nothing_is_ticked(four: Enhancement, person: Person) -> None:
    page = person("*").get(_page(four))
    first, second, third, fourth = (one.item_id for one in _results())
    assert _tiles(page) == [third, second, first, fourth]
    assert not re.search(r'name="ticked"[^>]* checked', page.content.decode())
    assert "confidence 60 %" in _text(page)


def test_the_pictures_of_a_product_stay_together(
    four: Enhancement, gallery: Any, enlarge: Any, work: Work, person: Person
) -> None:
    started = enlarge(gallery)
    work()
    last = ResultImage.objects.filter(enhancement=started).latest("pk")
    ResultImage.objects.filter(pk=last.pk).update(confidence=0.55)
    EnhancementItem.objects.rank(started.items.all())
    page = person("*").get(_page())
    of_gallery = list(started.items.order_by("pk").values_list("pk", flat=True))
    assert _tiles(page)[1:4] == of_gallery
    assert "picture 3 of 3 of this product" in _text(page)
    client, seen = person("*"), [_results()[2].pk]
    while len(seen) < 9 and (found := re.search(r'rel="next" href="[^"]*focus=(\d+)', _focus(client, seen[-1]))):
        seen.append(int(found[1]))
    assert [ResultImage.objects.get(pk=pk).item_id for pk in seen] == _tiles(page)
    back = re.search(r'rel="prev" href="[^"]*focus=(\d+)', _focus(client, seen[-1]))
    assert back
    assert int(back[1]) == seen[-2]


def _focus(client: Client, pk: int) -> str:
    return client.get(f"{_page()}?focus={pk}").content.decode()


def test_filters_have_counts_and_narrow_the_queue(four: Enhancement, person: Person) -> None:
    client, (first, _second, third, _fourth) = person("*"), _results()
    review.reject(first, actor=None, reason="Too dark.")
    page = client.get(_page(four))
    for label in ("To review 3", "Rejected 1", "Approved 0", "All 4", "With warnings 1", "Without warnings 2"):
        assert label in _text(page)
    assert _tiles(client.get(_page(four) + "?warnings=yes")) == [third.item_id]
    assert third.item_id not in _tiles(client.get(_page(four) + "?warnings=no"))
    assert _tiles(client.get(_page(four) + "?show=rejected")) == [first.item_id]
    assert "“Too dark.”" in _text(client.get(_page(four) + "?show=rejected"))
    assert _tiles(client.get(_page(four) + "?q=mug+2")) == [third.item_id]
    assert "No pictures are left with this filter" in _text(client.get(_page(four) + "?q=teapot"))


def test_the_queue_goes_across_enhancements(four: Enhancement, make_product: Any, enlarge: Any, person: Person) -> None:
    from product_imagery.flows.worker.loop import run_slice

    other = enlarge(make_product("Vase", sku="v"))
    run_slice(until_idle=True)
    client = person("*")
    page = client.get(_page())
    assert len(_tiles(page)) == 5
    assert f'<option value="{other.pk}">' in page.content.decode()
    assert len(_tiles(client.get(_page() + f"?enhancement={other.pk}"))) == 1
    vase = ResultImage.objects.get(enhancement=other)
    client.post(_page(), {"approve": vase.pk})
    assert ResultImage.objects.get(pk=vase.pk).review == Review.APPROVED


def test_pages_take_as_many_queries_for_many_rows_as_for_few(
    four: Enhancement, make_product: Any, enlarge: Any, work: Work, person: Person
) -> None:
    client, counts = person("*"), []
    first, last = _results()[0].pk, _results()[3].pk
    addresses = [_page(), _page(four), f"{_page()}?focus={first}"]
    decisions = [(_page(), first), (f"{_page()}?focus={last}", last)]
    client.get(_page())
    for step in ("reject", "reopen"):  # the first decision fills the cache of content types
        client.post(_page(), {step: first})
    for _ in range(2):
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        for address, key in decisions:
            with CaptureQueriesContext(connection) as queries:
                assert client.post(address, {"reject": key}, headers=_HX).status_code == 200
            counts.append(len(queries))
            client.post(_page(), {"reopen": key})
        enlarge(*(make_product(sku=f"more{n}-{len(counts)}") for n in range(6)))
        work()
    assert counts[:5] == counts[5:]


def test_a_decision_by_script_swaps_one_tile_and_offers_undo(
    four: Enhancement, person: Person, slow_worker: None
) -> None:
    client, (first, second, *_rest) = person("*"), _results()
    data = {"approve_and_publish": first.pk, "ticked": [second.pk]}
    part = client.post(_page(four), data, headers=_HX)
    assert _tiles(part) == [first.item_id]
    assert "<html" not in part.content.decode()
    assert part["X-Imagery-Part"]
    for text in ("1 picture approved and being published", "To review 3", "being published"):
        assert text in _text(part)
    undo = re.search(r'hx-vals=.{"undo": "([^"]+)"}', part.content.decode())
    assert undo
    back = client.post(_page(four), {"undo": undo[1]}, headers=_HX)
    assert _tiles(back) == [first.item_id]
    assert "1 picture returned to review" in _text(back)
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}
    assert LogEntry.objects.filter(object_id=str(first.item.object_id)).count() >= 1


def test_without_script_the_place_and_the_ticks_are_kept(four: Enhancement, person: Person) -> None:
    client, (first, second, third, _fourth) = person("*"), _results()
    data = {"reject": first.pk, f"reason-{first.item_id}": "Crooked.", "ticked": [second.pk, third.pk]}
    response = client.post(_page(four) + "?warnings=&page=1", data)
    assert response.url.endswith(f"#item-{first.item_id}")
    page = client.get(response.url.partition("#")[0]).content.decode()
    ticked = re.findall(r'name="ticked" value="(\d+)" id="tick-\d+" checked', page)
    assert {int(one) for one in ticked} == {second.pk, third.pk}
    assert ResultImage.objects.get(pk=first.pk).review_note == "Crooked."
    undo = re.search(r'name="undo" value="([^"]+)"', page)
    assert undo
    client.post(_page(four), {"undo": undo[1]})
    assert ResultImage.objects.get(pk=first.pk).review == Review.PENDING


def test_a_publication_waits_for_second_thoughts(
    four: Enhancement, person: Person, work: Work, slow_worker: None
) -> None:
    client, first = person("*"), _results()[0]
    client.post(_page(four), {"approve_and_publish": first.pk})
    waiting = ResultImage.objects.get(pk=first.pk)
    assert waiting.publication == Publication.WAITING
    assert waiting.publish_after is not None
    client.post(_page(four), {"reopen": first.pk})
    work()
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}
    assert not ImageVersion.objects.exists()


def test_what_is_on_a_product_is_taken_back_and_not_undone(four: Enhancement, person: Person, work: Work) -> None:
    client, first = person("*"), _results()[0]
    client.post(_page(four), {"approve_and_publish": first.pk})
    work()
    assert "It is too late to undo this" in _text(client.post(_page(four), {"reopen": first.pk}, follow=True))
    published = client.get(_page(four) + "?show=published").content.decode()
    assert 'name="restore"' in published
    assert "1 picture was put back" in _text(client.post(_page(four), {"restore": first.pk}, follow=True))
    assert ResultImage.objects.get(pk=first.pk).publication == Publication.RESTORED


@pytest.mark.parametrize(
    ("way", "link"),
    [(lambda _host, product: f"/goods/{product.sku}", "/goods/n0"), (True, "/r/"), (False, None)],
)
def test_the_shop_is_linked_as_its_own_admin_links_it(
    way: Any, link: str | None, make_product: Any, enlarge: Any, work: Work, person: Person, monkeypatch: Any
) -> None:
    enhancement = enlarge(make_product(sku="n0"))
    work()
    client = person("*")
    client.post(_page(enhancement), {"approve_and_publish": _results()[0].pk})
    work()
    monkeypatch.setattr(type(admin.site.get_model_admin(Product)), "view_on_site", way)
    page = client.get(_page(enhancement) + "?show=published").content.decode()
    found = re.findall(r'<a href="([^"]+)">See it in the shop', page)
    assert len(found) == (1 if link else 0)
    assert all(str(link) in address for address in found)


def _offer(client: Client, address: str) -> str:
    (value,) = re.findall(r'name="all" value="([^"]+)"', client.get(address).content.decode())
    return str(value)


def test_everything_without_warnings_is_published_with_one_press(
    four: Enhancement, person: Person, work: Work, django_assert_max_num_queries: Any
) -> None:
    client = person("*")
    assert "Approve and publish all 3 without warnings" in _text(client.get(_page(four)))
    value = _offer(client, _page(four))
    assert value == "approve_and_publish:3"
    with django_assert_max_num_queries(60):
        told = client.post(_page(four), {"all": value}, follow=True)
    assert "3 pictures approved and being published" in _text(told)
    work()
    assert ImageVersion.objects.count() == 3
    assert [one.review for one in _results()].count(Review.PENDING) == 1
    assert "Approve and publish 1 with warnings" in _text(client.get(_page(four) + "?warnings=yes"))


def test_a_number_that_has_changed_is_shown_again(four: Enhancement, person: Person) -> None:
    client = person("*")
    value = _offer(client, _page(four))
    review.reject(_results()[0], actor=None)
    told = _text(client.post(_page(four), {"all": value}, follow=True))
    assert "it is 2 pictures now" in told
    assert "Approve and publish all 2 without warnings" in told
    assert (Review.APPROVED, Publication.WAITING) not in _states()


def test_one_press_on_all_can_be_undone(four: Enhancement, person: Person, slow_worker: None) -> None:
    client = person("*")
    page = client.post(_page(four), {"all": _offer(client, _page(four))}, follow=True).content.decode()
    undo = re.search(r'name="undo" value="([^"]+)"', page)
    assert undo
    assert "3 pictures returned to review" in _text(client.post(_page(four), {"undo": undo[1]}, follow=True))
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}


def test_approved_pictures_are_published_together_and_taken_back_together(
    four: Enhancement, person: Person, work: Work
) -> None:
    client = person("*")
    client.post(_page(four), {"approve": "ticked", "ticked": [one.pk for one in _results()]})
    approved = _page(four) + "?show=approved"
    assert "Publish all 4 approved" in _text(client.get(approved))
    client.post(approved, {"all": _offer(client, approved)})
    work()
    assert ImageVersion.objects.count() == 4
    assert 'name="all"' not in client.get(approved).content.decode()
    published = _page(four) + "?show=published"
    product = ImageVersion.objects.latest("pk")
    from example_project.shop.models import Product

    Product.objects.filter(pk=product.object_id).update(enhanced_photo="another.jpg")
    told = _text(client.post(published, {"all": _offer(client, published)}, follow=True))
    assert "3 pictures were put back" in told
    assert "another picture stands there now" in told
    assert ImageVersion.objects.filter(restored_at=None).count() == 1


def test_ticked_ones_are_published_and_rejected_together(four: Enhancement, person: Person, work: Work) -> None:
    client, (first, second, third, fourth) = person("*"), _results()
    client.post(_page(four), {"approve": "ticked", "ticked": [first.pk, second.pk]})
    client.post(_page(four), {"publish": "ticked", "ticked": [first.pk, second.pk]})
    client.post(_page(four), {"reject": "ticked", "ticked": [third.pk, fourth.pk]})
    work()
    assert _states() == [(Review.APPROVED, Publication.PUBLISHED)] * 2 + [(Review.REJECTED, Publication.NONE)] * 2


def test_variants_are_radios_of_one_tile(variants: list[ResultImage], person: Person, work: Work) -> None:
    client, item = person("*"), variants[0].item_id
    page = client.get(_page())
    assert _tiles(page) == [item]
    assert page.content.decode().count(f'type="radio" name="variant-{item}"') == 3
    assert " checked" not in page.content.decode()
    assert 'name="all"' not in page.content.decode()  # a person has to choose
    nothing = client.post(_page(), {"approve_and_publish": f"item-{item}"}, follow=True)
    assert "choose one of its variants" in _text(nothing)
    client.post(_page(), {"approve_and_publish": f"item-{item}", f"variant-{item}": variants[1].pk})
    work()
    assert [state for _review, state in _states()] == [Publication.NONE, Publication.PUBLISHED, Publication.NONE]
    assert "Nothing is waiting for review" in _text(client.get(_page()))


def test_the_large_view_leads_on_after_a_decision(four: Enhancement, person: Person) -> None:
    client, (first, second, third, fourth) = person("*"), _results()
    address = f"{_page(four)}?focus={third.pk}"
    page = client.get(address).content.decode()
    assert f"focus={second.pk}" in page
    assert 'rel="prev"' not in page
    response = client.post(address, {"approve": third.pk})
    assert f"focus={second.pk}" in response.url
    part = client.post(f"{_page(four)}?focus={second.pk}", {"reject": second.pk}, headers=_HX)
    assert f"focus={first.pk}" in re.findall(r'data-address="([^"]+)"', part.content.decode())[0]
    assert "2 pictures left in this list" in _text(part)
    undo = re.search(r'hx-vals=.{"undo": "([^"]+)"}', part.content.decode())
    assert undo
    back = client.post(f"{_page(four)}?focus={first.pk}", {"undo": undo[1]}, headers=_HX).content.decode()
    assert f"focus={second.pk}" in re.findall(r'data-address="([^"]+)"', back)[0]
    for one in (first, second, fourth):
        end = client.post(f"{_page(four)}?focus={one.pk}", {"approve": one.pk}, follow=True)
    assert "All of these pictures are decided" in _text(end)


def test_the_large_view_shows_what_stands_in_the_shop_now(four: Enhancement, person: Person) -> None:
    from example_project.shop.models import Product

    client, first = person("*"), _results()[0]
    address = f"{_page(four)}?focus={first.pk}"
    assert "in the shop now" not in _text(client.get(address))
    Product.objects.filter(pk=first.item.object_id).update(enhanced_photo="another.jpg")
    assert "another.jpg" in client.get(address).content.decode()


def test_refusals_are_shown_with_both_pictures(four: Enhancement, person: Person, work: Work) -> None:
    from example_project.shop.models import Product

    client, (first, second, *_rest) = person("*"), _results()
    assert "Could not be published" not in _text(client.get(_page(four)))
    for one in (first, second):
        Product.objects.filter(pk=one.item.object_id).update(enhanced_photo="by-hand.jpg")
        client.post(_page(four), {"approve_and_publish": one.pk})
    work()
    assert "Could not be published 2" in _text(client.get(_page(four)))
    refused = client.get(_page(four) + "?show=refused")
    assert set(_tiles(refused)) == {first.item_id, second.item_id}
    assert refused.content.decode().count('class="review-now"') == 2
    client.post(_page(four), {"publish": first.pk})
    client.post(_page(four), {"reopen": second.pk})
    work()
    assert _states()[:2] == [(Review.APPROVED, Publication.PUBLISHED), (Review.PENDING, Publication.NONE)]
    assert Product.objects.get(pk=second.item.object_id).enhanced_photo == "by-hand.jpg"


def test_a_result_of_a_hidden_product_has_no_large_view(four: Enhancement, person: Person) -> None:
    page = person("review_resultimage").get(f"{_page()}?focus={_results()[0].pk}")
    assert page.status_code == 200
    assert "Mug" not in _text(page)


def test_all_needs_the_permissions_of_its_step(four: Enhancement, person: Person) -> None:
    reviewer = person(*_PRODUCTS, "review_resultimage")
    assert _offer(reviewer, _page(four)) == "approve:3"
    assert reviewer.post(_page(four), {"all": "approve_and_publish:3"}).status_code == 403
    assert reviewer.post(_page(four), {"all": "restore:3"}).status_code == 403
    assert reviewer.post(_page(four), {"undo": "publish:5e0b3b2c-4d0b-4bd6-9d36-7c3d9f3b6a0f"}).status_code == 403
    viewer = person("view_product", "review_resultimage", "publish_resultimage")
    assert _offer(viewer, _page(four)) == "approve:3"  # may change no product
    viewer.post(_page(four), {"all": "approve_and_publish:3"})
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}


@pytest.mark.parametrize("undo", ["", "x", "review:", "review:1", "other:5e0b3b2c-4d0b-4bd6-9d36-7c3d9f3b6a0f"])
def test_an_undo_that_cannot_be_one_changes_nothing(undo: str, four: Enhancement, person: Person) -> None:
    client = person("*")
    client.post(_page(four), {"approve": _results()[0].pk})
    assert client.post(_page(four), {"undo": undo}, follow=True).status_code == 200
    assert _states()[0] == (Review.APPROVED, Publication.NONE)


@pytest.mark.parametrize("value", ["", "x", "approve:", "approve:x", "reject:3", "approve:\u00b2"])
def test_a_number_that_cannot_be_one_changes_nothing(value: str, four: Enhancement, person: Person) -> None:
    assert person("*").post(_page(four), {"all": value}, follow=True).status_code == 200
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}


@pytest.mark.parametrize(
    "query", ["focus=x", "focus=\u00b2", "focus=" + "9" * 30, "page=x", "q=%00", "enhancement=x", "show=x"]
)
def test_odd_filters_are_dropped(query: str, four: Enhancement, person: Person) -> None:
    assert person("*").get(f"{_page()}?{query}").status_code == 200
