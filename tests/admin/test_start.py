"""The start page: what is started is what the form says and what the person has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import Enhancement, Preset, ProviderCredential, Selection
from product_imagery.products import description_of
from tests.admin.pages import press_start, read

Make = Callable[..., Product]


@pytest.fixture
def client(person: Callable[..., Client]) -> Client:
    return person("*")


def _select(client: Client, *products: Product) -> str:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse("admin:shop_product_changelist"), data).url)


def _page(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_look_whose_options_were_not_shown_is_not_started(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values
    response = client.post(address, {**filled, "preset": "cut-out", "start": "1"})
    assert "You chose another look" in _page(response)
    assert not Enhancement.objects.exists()
    shown = read(response).values
    assert (shown["preset"], shown["shown"]) == ("cut-out", "cut-out")
    assert "option-crop" in _page(response)
    client.post(address, {**shown, "start": "1"})
    assert Enhancement.objects.get().preset == Preset.objects.get(name="cut-out")


def test_choosing_another_look_keeps_how_it_is_done(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values | {"fresh": "on"}
    shown = read(client.post(address, {**filled, "preset": "cut-out", "preview": "look"})).values
    assert (shown["shown"], shown["fresh"], shown["option-format"]) == ("cut-out", "on", "png")
    assert not Enhancement.objects.exists()


def test_figures_that_no_longer_hold_are_refused_and_shown_again(
    client: Client, make_product: Make, enlarge: Callable[..., Enhancement]
) -> None:
    mine, taken = make_product(), make_product()
    address = _select(client, mine, taken)
    filled = read(client.get(address + "?preset=larger")).values
    enlarge(taken)  # somebody else is faster
    response = client.post(address, {**filled, "start": "1"})
    assert "The figures have changed" in _page(response)
    assert "nothing was spent" in _page(response)
    assert Enhancement.objects.count() == 1
    assert client.post(address, {**read(response).values, "start": "1"}).status_code == 302
    assert Enhancement.objects.first().items.get().object_id == str(mine.pk)  # type: ignore[union-attr]


def test_a_price_that_was_not_shown_is_not_paid(client: Client, make_product: Make) -> None:
    account = ProviderCredential(provider="paqshot", label="Main")
    account.set_secret("pk_live_example_key_0001")
    account.save()
    operation = Preset.objects.get(name="paqshot-white").operation
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=paqshot-white")).values
    ProviderCredential.objects.filter(pk=account.pk).update(own_prices={operation: "7.5"})
    response = client.post(address, {**filled, "start": "1"})
    assert "The figures have changed" in _page(response)
    assert "7.5" in _page(response)
    assert not Enhancement.objects.exists()
    assert press_start(client, address, preset="paqshot-white").status_code == 302
    assert Enhancement.objects.count() == 1


def test_a_form_without_figures_starts_nothing(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values
    del filled["figures"]
    assert "The figures have changed" in _page(client.post(address, {**filled, "start": "1"}))
    assert not Enhancement.objects.exists()
    assert Selection.objects.exists()


def test_a_look_that_cannot_be_used_says_so_beside_the_others(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    page = client.post(address, {"preset": "gone", "shown": "gone", "start": "1"})
    assert "There is no preset" in _page(page)
    assert "disabled" in read(page).buttons["start"]
    assert press_start(client, address, preset="larger").status_code == 302


def test_no_figures_are_promised_beside_an_option_that_does_not_fit(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=white")).values | {"option-ratio": "banana"}
    response = client.post(address, {**filled, "preview": "figures"})
    assert "write width:height" in _page(response)
    assert "picture to make" not in _page(response)
    assert "disabled" in read(response).buttons["start"]


def _text(response: Any) -> str:
    return " ".join(_page(response).split())


def test_entries_that_fit_are_kept_when_another_look_is_chosen(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=white")).values
    filled |= {"option-fill": "0.7", "option-ratio": "4:5", "option-background": "#FF0000"}
    shown = read(client.post(address, {**filled, "preset": "marble", "preview": "look"})).values
    assert (shown["option-fill_own"], shown["option-ratio"], shown["option-scene"]) == ("0.7", "4:5", "marble")
    again = read(client.post(address, {**shown, "preset": "wood", "preview": "look"})).values
    assert (again["option-fill_own"], again["option-ratio"], again["option-scene"]) == ("0.7", "4:5", "wood")
    client.post(address, {**again, "start": "1"})
    options = Enhancement.objects.get().options
    assert (options["fill"], options["ratio"], options["scene"]) == (0.7, "4:5", "wood")


def test_a_value_that_is_not_in_the_list_is_typed_beside_it(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=marble")).values
    assert (filled["option-ratio"], filled["option-ratio_own"]) == ("1:1", "")
    shown = read(client.post(address, {**filled, "option-ratio_own": "7:5", "preview": "figures"})).values
    assert (shown["option-ratio"], shown["option-ratio_own"]) == ("", "7:5")
    client.post(address, {**shown, "start": "1"})
    assert Enhancement.objects.get().options["ratio"] == "7:5"


def test_the_first_three_are_tried_and_the_rest_is_kept(client: Client, make_product: Make, work: Any) -> None:
    address = _select(client, *(make_product() for _ in range(5)))
    filled = read(client.get(address + "?preset=larger")).values | {"option-factor": "4", "auto_approve": "on"}
    shown = read(client.post(address, {**filled, "preview": "figures"}))
    assert "try" in shown.buttons
    response = client.post(address, {**shown.values, "try": "1"})
    first = Enhancement.objects.get()
    assert response.url == reverse("admin:product_imagery_enhancement_change", args=[first.pk])
    assert (first.items.count(), first.auto_approve) == (3, False)
    (rest,) = client.session["imagery_rest"].values()
    assert rest["number"] == 2
    assert "Go on with the other 2" in _text(client.get(response.url))
    page = client.get(rest["url"])
    assert "Start 2" in _text(page)
    assert read(page).values["option-factor"] == "4"
    work()
    client.post(rest["url"], {**read(client.get(rest["url"])).values, "start": "1"})
    second = Enhancement.objects.exclude(pk=first.pk).get()
    assert (second.items.count(), second.options, second.auto_approve) == (2, first.options, True)
    assert not Selection.objects.exists()
    assert client.session["imagery_rest"] == {}


def test_what_was_tried_anew_is_not_made_once_more(client: Client, make_product: Make, work: Any) -> None:
    address = _select(client, *(make_product() for _ in range(5)))
    filled = read(client.get(address + "?preset=larger")).values | {"fresh": "on"}
    shown = read(client.post(address, {**filled, "preview": "figures"})).values
    client.post(address, {**shown, "try": "1"})
    work()
    (rest,) = client.session["imagery_rest"].values()
    page = client.get(rest["url"])
    assert "Start 2" in _text(page)
    client.post(rest["url"], {**read(page).values, "start": "1"})
    assert [one.items.count() for one in Enhancement.objects.order_by("pk")] == [3, 2]


def test_few_products_are_not_tried_first(client: Client, make_product: Make) -> None:
    address = _select(client, *(make_product() for _ in range(3)))
    page = client.get(address + "?preset=larger")
    assert "try" not in read(page).buttons
    client.post(address, {**read(page).values, "try": "1"})
    assert Enhancement.objects.get().items.count() == 3
    assert not Selection.objects.exists()


def test_what_is_done_or_begun_leads_to_where_it_is(
    client: Client, make_product: Make, enlarge: Callable[..., Enhancement], work: Any
) -> None:
    done, begun = make_product(), make_product()
    made = enlarge(done)
    work()
    busy = enlarge(begun)
    page = _text(client.get(_select(client, done, begun) + "?preset=larger"))
    assert reverse("admin:product_imagery_enhancement_review", args=[made.pk]) in page
    assert reverse("admin:product_imagery_enhancement_change", args=[busy.pk]) in page
    assert "0</b> pictures to make" in page


def test_new_ones_can_be_made_of_what_is_done(
    client: Client, make_product: Make, enlarge: Callable[..., Enhancement], work: Any
) -> None:
    product = make_product()
    enlarge(product)
    work()
    address = _select(client, product)
    shown = read(client.get(address + "?preset=larger"))
    assert shown.buttons["fresh"]["value"] == "on"
    again = read(client.post(address, {**shown.values, "fresh": "on"}))
    assert "disabled" not in again.buttons["start"]
    assert Enhancement.objects.count() == 1


def test_the_account_says_what_it_costs_and_why_it_waits(make_product: Make, person: Callable[..., Client]) -> None:
    account = ProviderCredential(provider="paqshot", label="Main", balance=70, budget_day=50)
    account.set_secret("pk_live_example_key_0001")
    account.save()
    account.pause("the key was refused", stops_reads=False)
    steps = ("start_enhancement", "view_product", "change_product")
    product = make_product()
    link = reverse("admin:product_imagery_providercredential_change", args=[account.pk])
    for more, sees in ((("view_creditentry", "view_providercredential"), True), ((), False)):
        one = person(*steps, *more)
        page = _text(one.get(_select(one, product) + "?preset=paqshot-white"))
        assert "somebody resumes this account. It is paused: the key was refused" in page
        assert "a picture" in page
        assert ("balance 70" in page, "left of today" in page, link in page) == (sees, sees, sees)


def test_the_page_of_many_products_needs_no_more_queries(
    client: Client, make_product: Make, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    photo = make_product().photo.name
    rows = [Product(title=f"P{n}", sku=f"P{n}", price=1, photo=photo if n % 9 else "") for n in range(9_990)]
    Product.objects.bulk_create(rows)
    products = list(Product.objects.order_by("pk"))
    counts, sizes = [], []
    for chosen in (products[:10], products):
        selection = Selection.objects.create(
            content_type_id=description_of(Product).content_type().pk,
            ids=[str(one.pk) for one in chosen],
            actor_id=int(client.session["_auth_user_id"]),
        )
        address = reverse("admin:shop_product_enhance_images", args=[selection.pk])
        client.get(address)  # fills caches
        with CaptureQueriesContext(connection) as queries:
            sizes.append(len(client.get(address).content))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert sizes[1] - sizes[0] < 4_000
