"""“Make another” on the review page asks what should differ, says what it costs, and orders exactly that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from product_imagery.models import (
    ApprovalRule,
    CreditEntry,
    Enhancement,
    Preset,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.states import Publication, Review
from tests.admin.pages import read
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
Work = Callable[[], Any]
_HX = {"HX-Request": "true"}
_REVIEW = "admin:product_imagery_enhancement_review"


def _address(result: ResultImage, **more: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in {**more, "another": result.pk}.items())
    return f"{reverse(_REVIEW, args=[result.enhancement_id])}?{query}"


def _text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def _order(client: Client, address: str, **changes: Any) -> Any:
    """Fill the form in as a browser without script does, and press its button."""
    filled = read(client.get(address)).values | changes
    return client.post(address, {name: value for name, value in filled.items() if value is not None} | {"make": "1"})


@pytest.fixture
def larger(make_product: Any, enlarge: Any, work: Work) -> ResultImage:
    """A picture that was made twice as large, pending: this machine makes it the same again each time."""
    enlarge(make_product("Red bottle"))
    work()
    return ResultImage.objects.select_related("enhancement", "item").get()


def test_the_form_asks_for_what_changes_the_picture_and_shows_the_price(larger: ResultImage, person: Person) -> None:
    page = person("*").get(_address(larger))
    fields = read(page).values
    assert fields["option-factor"] == "2"
    assert {"option-quality", "option-format"} & fields.keys() == set()  # they change the file, not the picture
    for text in ("Red bottle . What should be different?", "Make another, free", "it would come out the same"):
        assert text in _text(page)
    assert re.search(r'name="make"[^>]* disabled', page.content.decode())


def test_what_would_come_out_the_same_is_not_made(larger: ResultImage, person: Person) -> None:
    refused = _order(person("*"), _address(larger))
    assert "makes the same picture again each time" in _text(refused)
    assert ProviderJob.objects.count() == 1
    assert ResultImage.objects.get().review == Review.PENDING


def test_another_option_makes_another_picture_for_a_person_to_see(
    larger: ResultImage, person: Person, work: Work
) -> None:
    ApprovalRule.objects.create(name="Everything", least_confidence=0, publishes=True)
    client = person("*")
    response = _order(client, _address(larger), **{"option-factor": "4"})
    assert response.url.endswith(f"#item-{larger.item_id}")
    started = Enhancement.objects.latest("pk")
    assert (started.options["factor"], started.origin, started.channel) == ("4", larger.enhancement, "admin")
    assert f"Another one is being made: {started.title}" in _text(client.get(response.url))
    work()
    first, second = ResultImage.objects.order_by("pk")
    assert (first.review, second.review, second.publication) == (Review.REJECTED, Review.PENDING, Publication.NONE)
    assert second.width == 2 * first.width
    review = client.get(reverse(_REVIEW, args=[larger.enhancement_id])).content.decode()
    assert f'id="item-{second.item_id}"' in review  # in the review that has asked for it
    sentences = LogEntry.objects.filter(object_id=str(larger.enhancement_id)).values_list("change_message", flat=True)
    assert "1 picture is made again." in sentences
    assert LogEntry.objects.filter(object_id=str(started.pk), change_message="Started.").exists()


def test_the_present_one_can_be_kept(larger: ResultImage, person: Person, work: Work) -> None:
    _order(person("*"), _address(larger), **{"option-factor": "4"}, rejects=None)
    work()
    assert set(ResultImage.objects.values_list("review", flat=True)) == {Review.PENDING}


def test_what_was_made_before_is_shown_and_not_made_again(larger: ResultImage, person: Person, work: Work) -> None:
    client = person("*")
    _order(client, _address(larger), **{"option-factor": "4"}, rejects=None)
    work()
    other = Enhancement.objects.latest("pk")
    filled = read(client.get(_address(larger))).values | {"option-factor": "4"}
    page = client.post(_address(larger), {**filled, "preview": "1"})
    assert "has this look already 1 in Upscale" in _text(page)
    assert reverse(_REVIEW, args=[other.pk]) in page.content.decode()
    assert re.search(r'name="make"[^>]* disabled', page.content.decode())
    assert "have this look already (1)" in _text(client.post(_address(larger), {**filled, "make": "1"}))
    assert ProviderJob.objects.count() == 2


def test_by_script_the_tile_is_swapped(larger: ResultImage, person: Person) -> None:
    client = person("*")
    form = client.get(_address(larger), headers=_HX)
    assert form["X-Imagery-Part"]
    assert "<html" not in form.content.decode()
    filled = read(form).values
    shown = client.post(_address(larger), {**filled, "option-factor": "4", "preview": "1"}, headers=_HX)
    assert not re.search(r'name="make"[^>]* disabled', shown.content.decode())
    assert not Enhancement.objects.exclude(pk=larger.enhancement_id).exists()
    ordered = client.post(_address(larger), {**read(shown).values, "make": "1"}, headers=_HX)
    assert ordered["HX-Retarget"] == f"#item-{larger.item_id}"
    assert f'id="item-{larger.item_id}"' in ordered.content.decode()
    assert "Another one is being made" in _text(ordered)


def test_the_large_view_leads_on(larger: ResultImage, person: Person) -> None:
    client = person("*")
    large = client.get(reverse(_REVIEW, args=[larger.enhancement_id]) + f"?focus={larger.pk}").content.decode()
    (link,) = set(re.findall(r'data-key="m" href="([^"]+)"', large))
    address = link.replace("&amp;", "&")
    filled = read(client.get(address, headers=_HX)).values | {"option-factor": "4"}
    ordered = client.post(address, {**filled, "make": "1"}, headers=_HX)
    assert ordered["HX-Retarget"] == "#review-stage"
    assert "All of these pictures are decided" in _text(ordered)


def test_an_option_that_does_not_fit_is_explained(larger: ResultImage, person: Person) -> None:
    page = _order(person("*"), _address(larger), **{"option-factor": "7"})
    assert "7 is not one of the available choices" in _text(page)
    assert ProviderJob.objects.count() == 1


def test_the_same_again_where_it_comes_out_differently(make_product: Any, person: Person, model_file: Any) -> None:
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.flows.worker.loop import run_slice
    from product_imagery.products import description_of

    product = make_product()
    spec = spec_of_operation("scene", {"size": 200, "seed": 5, "variants": 1})
    enhance({description_of(type(product)): [product.pk]}, spec, channel="command")
    run_slice(until_idle=True)
    (first,) = ResultImage.objects.all()
    client = person("*")
    page = client.get(_address(first))
    assert "comes out a little different" in _text(page)
    _order(client, _address(first))
    run_slice(until_idle=True)
    again = ResultImage.objects.latest("pk")
    assert (again.item, again.enhancement) == (first.item, first.enhancement)
    assert again.sha256 != first.sha256
    assert ProviderJob.objects.latest("pk").options["seed"] == 1005


class TestMoney:
    """Only the press buys, at the price that was shown."""

    def test_the_price_is_shown_and_charged_once(
        self, account: Account, order: Order, fakes: Fakes, person: Person
    ) -> None:
        order(account("productai"))
        hurry()
        result, client = ResultImage.objects.get(), person("*")
        page = client.get(_address(result))
        assert "Make another for 3.00 tokens" in _text(page) or "Make another for 3 tokens" in _text(page)
        assert fakes.charged("productai") == 1
        _order(client, _address(result))
        again = _order(client, _address(result))
        assert "is being made already" in _text(again)
        hurry()
        assert fakes.charged("productai") == 2
        assert sum(CreditEntry.objects.values_list("amount", flat=True)) == 6

    def test_a_price_that_was_not_seen_is_not_paid(
        self, account: Account, order: Order, fakes: Fakes, person: Person
    ) -> None:
        credential = account("productai")
        order(credential)
        hurry()
        result, client = ResultImage.objects.get(), person("*")
        dear = {"option-model": "nanobananapro"}
        refused = _order(client, _address(result), **dear)
        assert "The price has changed since it was shown" in _text(refused)
        assert "Make another for 8" in _text(refused)
        credential.own_prices = {"nanobananapro": 20}
        credential.save()
        filled = read(refused).values
        assert "Make another for 20" in _text(client.post(_address(result), {**filled, "make": "1"}))
        assert fakes.charged("productai") == 1

    def test_another_account_has_its_own_options_and_price(
        self, account: Account, order: Order, fakes: Fakes, person: Person
    ) -> None:
        order(account("paqshot"))
        other = account("productai", label="Second house")
        hurry()
        result, client = ResultImage.objects.get(), person("*")
        assert ("Second house" in _text(client.get(_address(result)))) == (
            result.enhancement.operation in other.declared.offers
        )
        ProviderCredential.objects.filter(pk=other.pk).update(is_active=False)
        assert "Second house" not in _text(client.get(_address(result)))

    def test_over_a_budget_nothing_is_ordered(
        self, account: Account, order: Order, fakes: Fakes, person: Person
    ) -> None:
        credential = account("productai")
        order(credential)
        hurry()
        ProviderCredential.objects.update(budget_day=5)
        result = ResultImage.objects.get()
        refused = _order(person("*"), _address(result), **{"option-prompt": "Another one"})
        assert "of the budget of 5" in _text(refused)
        assert fakes.charged("productai") == 1
        assert Enhancement.objects.count() == 1


def test_an_account_is_chosen_with_its_own_options(
    larger: ResultImage, person: Person, account: Account, fakes: Fakes
) -> None:
    hosted = account("pergai", label="Elsewhere")
    Preset.objects.update(credential=None)
    client = person("*")
    chosen = {"credential": str(hosted.pk)}
    page = _order(client, _address(larger), **chosen)
    assert "You chose another account, so nothing was ordered" in _text(page)
    fields = read(page).values
    assert fields["credential"] == fields["shown"] == str(hosted.pk)
    assert "option-scale" in fields
    assert fields["option-image_folder"].strip() == ""  # it changes no picture, but there is no work without it
    assert not Enhancement.objects.exclude(pk=larger.enhancement_id).exists()


def test_a_trial_is_made_again_only_as_one(larger: ResultImage, person: Person, account: Account, work: Work) -> None:
    account("pergai", label="Elsewhere")
    Enhancement.objects.update(is_test=True)
    client = person("*")
    assert "Elsewhere" not in _text(client.get(_address(larger)))
    _order(client, _address(larger), **{"option-factor": "4"})
    assert Enhancement.objects.latest("pk").is_test


def test_it_needs_the_permissions_to_review_and_to_start(larger: ResultImage, person: Person) -> None:
    products = ("view_product", "change_product")
    for names in (("review_resultimage",), ("start_enhancement",)):
        client = person(*products, *names)
        assert client.get(_address(larger)).status_code == 403
        assert client.post(_address(larger), {"make": "1"}).status_code == 403
    stranger = person("review_resultimage", "start_enhancement")
    assert stranger.get(_address(larger)).status_code == 404
    assert person(*products, "review_resultimage", "start_enhancement").get(_address(larger)).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"credential": "x"},
        {"credential": "\u00b2"},
        {"credential": "999", "shown": "999"},
        {"credential": "1", "seen": "x"},
    ],
)
def test_an_entry_that_cannot_be_one_orders_nothing(sent: Any, larger: ResultImage, person: Person) -> None:
    assert person("*").post(_address(larger), {**sent, "make": "1"}).status_code == 200
    assert Enhancement.objects.count() == 1
    assert ProviderJob.objects.count() == 1


def test_a_person_points_to_the_product(make_product: Any, person: Person, model_file: Any, work: Work) -> None:
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.products import description_of

    product = make_product()
    enhance(
        {description_of(type(product)): [product.pk]}, spec_of_operation("remove_background", {}), channel="command"
    )
    work()
    (first,) = ResultImage.objects.all()
    client = person("*")
    assert {f"option-region_{part}" for part in ("x", "y", "width", "height")} <= read(
        client.get(_address(first))
    ).values.keys()
    half = {"option-region_x": "0.5", "option-region_y": "0", "option-region_width": "0.8"}
    refused = _order(client, _address(first), **half, **{"option-region_height": ""})
    assert "This does not fit: write x,y,width,height in shares" in _text(refused)
    assert Enhancement.objects.count() == 1
    chosen = {**half, "option-region_width": "0.5", "option-region_height": "1", "option-remove": "0.9,0.1"}
    _order(client, _address(first), **chosen)
    started = Enhancement.objects.latest("pk")
    assert (started.options["region"], started.options["remove"]) == ("0.5,0,0.5,1", "0.9,0.1")
    work()
    assert "0.5" in read(client.get(_address(ResultImage.objects.latest("pk")))).values["option-region_x"]
