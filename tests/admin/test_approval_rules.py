"""Approval rules in the admin: what a rule says is what it does, to what comes in and to what waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from product_imagery.admin.review import steps
from product_imagery.models import ApprovalRule, Enhancement, ImageVersion, Preset, ResultImage
from product_imagery.states import Publication, Review
from tests.admin.pages import read

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
Work = Callable[[], Any]
_ADD = reverse("admin:product_imagery_approvalrule_add")
_RIGHTS = ("add_approvalrule", "change_approvalrule", "view_approvalrule", "review_resultimage")
_ON_PRODUCTS = ("publish_resultimage", "view_product", "change_product", "view_collection", "change_collection")
_HX = {"HX-Request": "true"}


def _page(rule: ApprovalRule) -> str:
    return reverse("admin:product_imagery_approvalrule_change", args=[rule.pk])


def _text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def _save(client: Client, address: str = _ADD, **changes: Any) -> Any:
    filled = read(client.get(address)).values | {"name": "Sure ones"} | changes
    sent = {name: value for name, value in filled.items() if value is not None}
    return client.post(address, {**sent, "_continue": "1"}, follow=True)


@pytest.fixture
def four(make_product: Any, enlarge: Any, work: Work) -> Enhancement:
    """Four products with one pending result each, in two categories; one has a warning, one a low confidence."""
    products = [make_product(f"Mug {n}", sku=f"n{n}", category="Mugs" if n else "Lamps") for n in range(4)]
    enhancement: Enhancement = enlarge(*products)
    work()
    _first, second, third, _fourth = ResultImage.objects.order_by("pk")
    ResultImage.objects.filter(pk=second.pk).update(confidence=0.6)
    ResultImage.objects.filter(pk=third.pk).update(warnings=["enlarged"])
    return enhancement


def _states() -> list[tuple[str, str]]:
    return list(ResultImage.objects.order_by("pk").values_list("review", "approved_by_rule"))


def _button(page: Any) -> tuple[str, str]:
    """Address and value of the button that applies a rule."""
    found = re.search(
        r'action="([^"]+)" class="imagery-buttons">.*?name="all" value="([^"]+)"', page.content.decode(), re.S
    )
    assert found
    return found[1].replace("&amp;", "&"), found[2]


def test_a_rule_says_what_it_does_and_would_approve(four: Enhancement, person: Person) -> None:
    client = person("*")
    assert "Of 4 pictures that wait for a review now, it would approve 2." in _text(client.get(_ADD))
    page = _save(client, least_confidence="60", publishes="on")
    rule = ApprovalRule.objects.get()
    assert page.redirect_chain[-1][0] == _page(rule)
    told = _text(page)
    for sentence in (
        "It approves and publishes each new picture that meets all of these:",
        "with a confidence of at least 60 %",
        "without any warning",
        "it would approve 3.",
        "Approve and publish all 3 by this rule",
    ):
        assert sentence in told
    assert "switched off" not in told


def test_the_effect_follows_the_form_before_it_is_saved(four: Enhancement, person: Person) -> None:
    client = person("*")
    filled = read(client.get(_ADD)).values
    address = reverse("admin:product_imagery_approvalrule_effect")

    def effect(**changes: str) -> str:
        return _text(client.post(address, {**filled, **changes}, headers=_HX))

    assert "it would approve 2." in effect()
    assert "it would approve 3." in effect(allows_warnings="on")
    assert "it would approve 4." in effect(allows_warnings="on", least_confidence="0")
    assert "at least 50 %" in effect(least_confidence="0")  # the site's own floor
    assert "Save the rule to apply it" in effect()
    assert "Correct the form" in effect(least_confidence="101")
    assert not ApprovalRule.objects.exists()
    kinds = re.findall(r'<option value="([^"]*)">([^<]*)</option>', client.get(_ADD).content.decode())
    (mugs,) = [value for value, label in kinds if label == "Mugs"]
    told = effect(allows_warnings="on", least_confidence="0", products=mugs)
    assert "of these products: Products, category “Mugs”" in told
    assert "it would approve 3." in told


def test_one_press_applies_it_to_what_waits_and_can_be_undone(
    four: Enhancement, person: Person, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "UNDO_SECONDS", 600.0)
    client = person("*")
    address, value = _button(_save(client, publishes="on"))
    told = client.post(address, {"all": value}, follow=True)
    assert "2 pictures approved and being published, by the rule “Sure ones”." in _text(told)
    assert _states().count((Review.APPROVED, "Sure ones")) == 2
    product = ResultImage.objects.filter(review=Review.APPROVED)[0].item.object_id
    assert "by the rule “Sure ones”" in LogEntry.objects.filter(object_id=product).latest("pk").change_message
    undo = re.search(r'name="undo" value="([^"]+)"', told.content.decode())
    assert undo
    client.post(reverse("admin:product_imagery_enhancement_review"), {"undo": undo[1]})
    assert _states() == [(Review.PENDING, "")] * 4
    work()
    assert not ImageVersion.objects.exists()


def test_the_pictures_can_be_looked_at_first(four: Enhancement, person: Person) -> None:
    client = person("*")
    address, _value = _button(_save(client))
    page = client.get(address)
    assert "the rule “Sure ones” would approve them" in _text(page)
    assert page.content.decode().count('<li class="review-tile') == 2
    assert "Approve all 2 by this rule" in _text(page)
    first = ResultImage.objects.order_by("pk")[0]
    client.post(address, {"reject": first.pk})
    assert client.get(address).content.decode().count('<li class="review-tile') == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"publishes": True}, None])
def test_a_rule_that_was_changed_meanwhile_is_not_applied(change: Any, four: Enhancement, person: Person) -> None:
    client = person("*")
    address, value = _button(_save(client))
    if change is None:
        ApprovalRule.objects.all().delete()
    else:
        ApprovalRule.objects.update(**change)
    assert "Nothing was done" in _text(client.post(address, {"all": value}, follow=True))
    assert _states() == [(Review.PENDING, "")] * 4


def test_a_rule_that_is_gone_selects_nothing(four: Enhancement, person: Person) -> None:
    page = person("*").get(reverse("admin:product_imagery_enhancement_review") + "?rule=999")
    assert "This rule is gone" in _text(page)
    assert 'name="all"' not in page.content.decode()
    assert '<li class="review-tile' not in page.content.decode()


def test_a_number_that_has_changed_is_shown_again(four: Enhancement, person: Person) -> None:
    client = person("*")
    address, value = _button(_save(client))
    ResultImage.objects.update(confidence=0.9)
    assert "it is 3 pictures now" in _text(client.post(address, {"all": value}, follow=True))
    assert _states() == [(Review.PENDING, "")] * 4


def test_who_has_decided_is_on_the_review_page(make_product: Any, enlarge: Any, work: Work, person: Person) -> None:
    client = person("*")
    _save(client, publishes="on")
    enhancement = enlarge(make_product())
    work()
    assert ResultImage.objects.get().publication == Publication.PUBLISHED
    review = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    assert "by the rule “Sure ones” · staff0" in _text(client.get(review + "?show=all"))


def test_a_rule_does_no_more_than_who_saves_it_may_do(four: Enhancement, person: Person) -> None:
    reviewer = person(*_RIGHTS, "view_product", "change_product")
    assert "Can put approved results on products" in _text(_save(reviewer, publishes="on"))
    assert "You may not change all of these products" in _text(_save(reviewer))
    assert not ApprovalRule.objects.exists()
    publisher = person(*_RIGHTS, *_ON_PRODUCTS)
    _save(publisher, publishes="on")
    rule = ApprovalRule.objects.get()
    assert rule.changed_by is not None
    assert "Can put approved results on products" in _text(_save(reviewer, _page(rule), is_active=None))
    rule.refresh_from_db()
    assert (rule.is_active, rule.changed_by.username) == (True, "staff1")
    looker = person("view_approvalrule")
    page = looker.get(_page(rule))
    assert "It approves and publishes each new picture" in _text(page)
    assert 'name="all"' not in page.content.decode()
    assert looker.post(_page(rule), {"name": "Mine"}).status_code == 403


def test_the_start_page_names_the_rules_that_apply(make_product: Any, person: Person) -> None:
    client = person("*")
    _save(client, publishes="on")
    _save(client, name="Cut out only", operation="remove_background")
    _save(client, name="Off", is_active=None)
    data = {"action": "enhance_images", "_selected_action": [make_product().pk]}
    address = client.post(reverse("admin:shop_product_changelist"), data)["Location"]
    page = _text(client.get(address + "?preset=larger"))
    assert "The rule “Sure ones” publishes those that meet its conditions, without a review." in page
    assert "Cut out only" not in page
    assert "“Off”" not in page
    assert "Cut out only" in _text(client.get(address + "?preset=cut-out"))


def test_two_people_change_a_rule_one_after_the_other(four: Enhancement, person: Person) -> None:
    anna, bert = person("*"), person("*")
    _save(anna)
    rule = ApprovalRule.objects.get()
    _save(bert, _page(rule), least_confidence="95")
    rule.refresh_from_db()
    assert rule.changed_by is not None
    assert (rule.least_confidence, rule.changed_by.username) == (95, "staff1")
    history = LogEntry.objects.filter(object_id=str(rule.pk), content_type__model="approvalrule")
    assert [one.user.username for one in history.order_by("pk")] == ["staff0", "staff1"]
    assert "already exists" in _text(_save(anna))


def test_deleting_a_look_names_the_rules_that_go_with_it(person: Person) -> None:
    client, preset = person("*"), Preset.objects.create(name="own", label="Own", operation="upscale")
    _save(client, name="Rule of a look", preset=str(preset.pk))
    page = client.get(reverse("admin:product_imagery_preset_delete", args=[preset.pk]))
    assert "Rule of a look" in _text(page)


def test_pages_take_as_many_queries_for_many_rows_as_for_few(
    four: Enhancement, make_product: Any, enlarge: Any, work: Work, person: Person
) -> None:
    client, counts = person("*"), []
    _save(client)
    pages = [_page(ApprovalRule.objects.get()), reverse("admin:product_imagery_approvalrule_changelist")]
    for turn in range(2):
        for address in pages:
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        for number in range(3):
            _save(client, name=f"More {turn} {number}", is_active=None)
        enlarge(*(make_product(sku=f"more{turn}{n}") for n in range(4)))
        work()
    assert counts[:2] == counts[2:]
