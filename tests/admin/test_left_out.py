"""What a selection leaves out is named, by reason: on the start page before a start, on the run page after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Collection, Product
from product_imagery.flows.enhancements import items
from product_imagery.flows.enhancements.prepare import prepare_due
from product_imagery.models import Enhancement
from tests.admin.pages import press_start, read

Make = Callable[..., Product]
Person = Callable[..., Client]
Enlarge = Callable[..., Enhancement]


def _select(client: Client, *products: Any) -> str:
    model = "product" if isinstance(products[0], Product) else "collection"
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse(f"admin:shop_{model}_changelist"), data).url)


def _bare(number: int) -> list[Product]:
    return [Product.objects.create(title=f"Bare {n}", sku=f"B{n}", price=1) for n in range(number)]


def _follow(client: Client, address: str, page: str, link: str) -> tuple[str, str]:
    """Follow the first link with these words; return its address and its page."""
    found = re.search(rf'<a[^>]* href="([^"]+)"[^>]*>{link}<', page)
    assert found, f"no link {link!r}"
    target = urljoin(address, unescape(found[1]))
    response = client.get(target)
    assert response.status_code == 200
    return target, response.content.decode()


def _names(page: str) -> list[str]:
    listed = re.search(r'<ul id="names".*?</ul>', page, re.S)
    return re.findall(r"<li>(?:<a[^>]*>)?([^<]+)<", listed[0]) if listed else []


def test_products_without_a_picture_are_listed_in_pages(person: Person, make_product: Make) -> None:
    client, bare = person("*"), _bare(60)
    address = _select(client, make_product(), *bare)
    start = client.get(address).content.decode()
    assert "60 products have no picture" in start
    listed, page = _follow(client, address, start, "Show them")
    assert _names(page) == [f"Bare {n}" for n in range(50)]
    assert reverse("admin:shop_product_change", args=[bare[0].pk]) in page
    assert "Page 1 of 2" in page
    _next, page = _follow(client, listed, page, "Next")
    assert _names(page) == [f"Bare {n}" for n in range(50, 60)]


def test_the_list_goes_by_the_options_and_leads_back_to_them(
    person: Person, make_product: Make, enlarge: Enlarge
) -> None:
    client, busy = person("*"), make_product("Busy")
    enlarge(busy)  # with these options, on its way already
    address = _select(client, busy, make_product("Free"), *_bare(1))
    filled = read(client.get(f"{address}?preset=larger")).values
    start = client.post(address, {**filled, "preview": "figures"}).content.decode()
    listed, page = _follow(client, address, start, "Show them")
    assert "1 picture is being made already" in page
    assert "1 product has no picture" in page
    assert _names(page) == ["Busy"]
    assert "csrfmiddlewaretoken=" not in listed
    _other, other = _follow(client, listed, page, "1 product has no picture")
    assert _names(other) == ["Bare 0"]
    _start, back = _follow(client, listed, page, "Back")
    assert read(client.get(_start)).values["preset"] == "larger"
    assert "is being made already" in back
    changed = client.post(address, {**filled, "option-factor": "4", "preview": "figures"}).content.decode()
    listed, page = _follow(client, address, changed, "Show them")
    assert _names(page) == ["Bare 0"]  # another factor is other work
    back_address, _page = _follow(client, listed, page, "Back")
    assert read(client.get(back_address)).values["option-factor"] == "4"


def test_several_pictures_of_one_product_are_one_line(person: Person, gallery: Collection, enlarge: Enlarge) -> None:
    client = person("*")
    enlarge(gallery)
    address = _select(client, gallery)
    start = client.get(f"{address}?preset=larger").content.decode()
    _listed, page = _follow(client, address, start, "Show them")
    assert _names(page) == ["Summer"]
    assert "3 pictures" in page


def test_a_selection_of_somebody_else_is_not_listed(person: Person, make_product: Make) -> None:
    address = _select(person("*"), make_product(), *_bare(2))
    assert person("*").get(f"{address}left-out/?preset=larger").status_code == 404
    assert person("view_product").get(f"{address}left-out/?preset=larger").status_code == 403


class TestAfterTheStart:
    def test_the_run_page_names_what_was_left_out(self, person: Person, make_product: Make, enlarge: Enlarge) -> None:
        client, busy, bare = person("*"), make_product("Busy"), _bare(2)
        enlarge(busy)
        press_start(client, _select(client, busy, make_product("Free"), *bare), preset="larger")
        started = Enhancement.objects.latest("pk")
        assert started.omitted == {"under_way": 1, "no_picture": 2}
        run = reverse("admin:product_imagery_enhancement_change", args=[started.pk])
        listed, page = _follow(client, run, client.get(run).content.decode(), "Show them")
        assert _names(page) == ["Busy"]
        _other, other = _follow(client, listed, page, "2 products have no picture")
        assert _names(other) == ["Bare 0", "Bare 1"]

    def test_names_are_only_for_those_who_may_see_the_products(
        self, person: Person, make_product: Make, enlarge: Enlarge
    ) -> None:
        started = enlarge(make_product("Free"), *_bare(1))
        address = reverse("admin:product_imagery_enhancement_left_out", args=[started.pk])
        page = person("view_enhancement", "view_collection").get(address)
        assert page.status_code == 404  # none of its products
        assert "Bare 0" in person("view_enhancement", "view_product").get(address).content.decode()
        assert person("view_product").get(address).status_code == 403
        Product.objects.get(title="Bare 0").delete()
        assert "is gone, or that you may not see" in person("*").get(address).content.decode()

    def test_pictures_that_a_worker_leaves_out_are_added(
        self, person: Person, make_product: Make, enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(items, "BATCH", 2)
        products = [make_product(f"P{n}") for n in range(4)]
        started = enlarge(*products, *_bare(1))
        products[3].delete()
        enlarge(products[2])
        while prepare_due():
            pass
        started.refresh_from_db()
        assert started.omitted == {"no_picture": 1, "under_way": 1, "gone": 1}
        address = reverse("admin:product_imagery_enhancement_left_out", args=[started.pk])
        assert _names(person("*").get(f"{address}?reason=under_way").content.decode()) == ["P2"]
        assert _names(person("*").get(f"{address}?reason=gone").content.decode()) == [
            "A product that is gone, or that you may not see"
        ]

    def test_pictures_that_were_cancelled_before_they_were_prepared_are_named(
        self, person: Person, make_product: Make, enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(items, "BATCH", 2)
        started = enlarge(*(make_product(f"P{n}") for n in range(3)))
        client = person("*")
        client.post(reverse("admin:product_imagery_enhancement_change", args=[started.pk]), {"cancel": "1"})
        address = reverse("admin:product_imagery_enhancement_left_out", args=[started.pk])
        assert _names(client.get(address).content.decode()) == ["P0", "P1", "P2"]
