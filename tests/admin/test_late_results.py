"""Results that come in after a person has decided: they reach that person on the pages that are opened anyway."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows.results import review
from product_imagery.models import EnhancementItem, ProviderJob, ResultImage
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db
Person = Callable[..., Client]


def _text(client: Client, page: str, *arguments: Any, query: str = "") -> str:
    response = client.get(reverse(f"admin:product_imagery_{page}", args=arguments) + query)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_a_refused_publication_is_told_to_whoever_wanted_it(
    make_product: Any, enlarge: Any, work: Any, person: Person
) -> None:
    merchant, other = person("*"), person("*")
    enhancement = enlarge(make_product(), make_product())
    work()
    decided = get_user_model().objects.earliest("pk")
    for result in ResultImage.objects.all():
        review.approve(result, actor=decided, publish=True)
    Product.objects.update(enhanced_photo="products/by-hand.jpg")
    work()
    told = "2 pictures that you wanted to publish were not published."
    for page in ("preset_changelist", "enhancement_changelist"):
        assert told in _text(merchant, page)
        assert told not in _text(other, page)
    assert "2 not published" in _text(other, "enhancement_changelist")
    assert "2 pictures could not be published" in _text(other, "home")
    assert "Use this one all the same" in _text(merchant, "enhancement_review", query="?show=refused")
    for result in ResultImage.objects.all():
        review.return_to_review(result)
    assert told not in _text(merchant, "preset_changelist")
    assert "not published" not in _text(merchant, "enhancement_review", enhancement.pk, query="?show=refused")


def test_what_had_been_begun_comes_in_after_a_cancellation(
    account: Account, order: Order, fakes: Fakes, person: Person
) -> None:
    merchant, enhancement = person("*"), order(account("paqshot"), 2)
    hurry(1)
    ProviderJob.objects.filter(pk=ProviderJob.objects.latest("pk").pk).update(state="queued", remote_id="")
    EnhancementItem.objects.filter(job__state="queued").update(status="queued")
    run = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    page = merchant.post(run, {"cancel": "1"}, follow=True).content.decode()
    assert "1 picture was cancelled. 1 had been begun, and is finished all the same." in page
    hurry()
    page = _text(merchant, "enhancement_change", enhancement.pk)
    assert "1 picture had been begun when this was cancelled. It came in later and waits for your review." in page
    review.reject(ResultImage.objects.get(), actor=None)
    assert "came in later" not in _text(merchant, "enhancement_change", enhancement.pk)


def test_who_has_decided_on_everything_is_told_that_more_comes(
    make_product: Any, enlarge: Any, work: Any, person: Person
) -> None:
    merchant, enhancement = person("*"), enlarge(make_product(), make_product())
    work()
    second = EnhancementItem.objects.latest("pk")
    second.results.all().delete()
    EnhancementItem.objects.filter(pk=second.pk).update(status="processing", finished_at=None)
    ResultImage.objects.update(review="approved")
    for query in ("", "?focus=0"):
        assert "1 more is still being made." in _text(merchant, "enhancement_review", enhancement.pk, query=query)


def test_a_publication_that_does_not_come_to_its_end_is_said_on_the_entry_page(
    make_product: Any, enlarge: Any, work: Any, person: Person
) -> None:
    enlarge(make_product())
    work()
    waiting = {"review": "approved", "publication": "waiting", "publication_note": "The storage does not respond."}
    ResultImage.objects.update(**waiting)
    assert "The storage does not respond." in _text(person("*"), "home")
