"""Several variants of one picture: a person chooses one, and one stands on the product."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import quote
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, ImageVersion, ResultImage
from product_imagery.products import description_of
from product_imagery.states import Publication, Review

pytestmark = pytest.mark.django_db

Work = Callable[[], Any]


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


def _states() -> list[str]:
    return list(ResultImage.objects.order_by("pk").values_list("publication", flat=True))


def _page() -> str:
    return reverse("admin:product_imagery_enhancement_review", args=[Enhancement.objects.get().pk])


def test_nothing_is_ticked_where_one_has_to_be_chosen(variants: list[ResultImage], person: Any) -> None:
    page = person("*").get(_page()).content.decode()
    assert page.count("one of 3 variants") == 1
    assert not re.search(r'name="(ticked|variant-\d+)"[^>]* checked', page)


def test_several_that_are_ticked_are_a_question(variants: list[ResultImage], person: Any, work: Work) -> None:
    client: Client = person("*")
    answer = client.post(
        _page(), {"approve_and_publish": "ticked", "ticked": [one.pk for one in variants]}, follow=True
    )
    assert "Red bottle: choose one of its variants. None of them was changed." in answer.content.decode()
    work()
    assert _states() == [Publication.NONE] * 3
    assert not ImageVersion.objects.exists()


def test_one_that_is_chosen_is_published_alone(variants: list[ResultImage], person: Any, work: Work) -> None:
    client: Client = person("*")
    client.post(_page(), {"approve_and_publish": "ticked", "ticked": [variants[1].pk]})
    work()
    later = client.post(_page(), {"approve_and_publish": "ticked", "ticked": [variants[2].pk]}, follow=True)
    assert "was chosen already" in later.content.decode()
    work()
    assert _states() == [Publication.NONE, Publication.PUBLISHED, Publication.NONE]
    assert ImageVersion.objects.count() == 1


def test_a_person_may_put_another_one_in_its_place(variants: list[ResultImage], person: Any, work: Work) -> None:
    client: Client = person("*")
    client.post(_page(), {"approve_and_publish": variants[0].pk})
    work()
    client.post(_page(), {"approve_and_publish": variants[2].pk})
    work()
    assert _states() == [Publication.NONE, Publication.NONE, Publication.PUBLISHED]
    product = Product.objects.get()
    assert product.enhanced_photo.name == ImageVersion.objects.latest("pk").after_name


def test_the_last_choice_counts_while_nothing_is_published_yet(variants: list[ResultImage], work: Work) -> None:
    for one in variants:
        review.approve(one, actor=None, publish=True)
    assert _states() == [Publication.NONE, Publication.NONE, Publication.WAITING]
    work()
    assert _states() == [Publication.NONE, Publication.NONE, Publication.PUBLISHED]
    assert ImageVersion.objects.count() == 1


def test_without_a_choice_between_them_the_second_is_refused(variants: list[ResultImage]) -> None:
    review.approve(variants[0], actor=None, publish=True, replaces=False)
    with pytest.raises(StateError, match="chosen already"):
        review.approve(variants[1], actor=None, publish=True, replaces=False)
    variants[1].refresh_from_db()
    assert variants[1].review == Review.PENDING


def test_the_database_lets_one_wait(variants: list[ResultImage]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ResultImage.objects.update(publication=Publication.WAITING)


def test_published_without_review_is_the_first_and_no_other(make_product: Any, model_file: Any, work: Work) -> None:
    from product_imagery.flows.enhancements.start import enhance

    spec = spec_of_operation("scene", {"size": 300, "variants": 3})
    enhance({description_of(Product): [make_product().pk]}, spec, channel="command", auto_approve=True)
    work()
    assert sorted(_states()) == [Publication.NONE, Publication.NONE, Publication.PUBLISHED]
    ResultImage.objects.filter(publication=Publication.PUBLISHED).get()
    kept = ImageVersion.objects.get().after_name
    review.regenerate(ResultImage.objects.filter(publication=Publication.NONE).first(), actor=None)  # type: ignore[arg-type]
    work()
    assert Product.objects.get().enhanced_photo.name == kept  # a person chose nothing else


def test_the_quote_counts_them(make_product: Any, person: Any) -> None:
    product = make_product()
    spec = spec_of_operation("scene", {"size": 300, "variants": 3})
    one, three = (
        quote({description_of(Product): [product.pk]}, spec_of_operation("scene", {"variants": number}))
        for number in (1, 3)
    )
    assert (three.to_do, three.variants, one.variants) == (1, 3, 1)
    assert three.seconds > one.seconds
    assert spec.variants == 3
    told = StringIO()
    options = ("--operation", "scene", "--option", "variants=3", "--dry-run")
    call_command("imagery_enhance", "shop.Product", "--all", *options, stdout=told)
    assert re.search(r"variants\s+3", told.getvalue())
