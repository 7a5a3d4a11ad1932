"""Stored pictures become results; of each item the first that no person has to see is approved where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db.models.functions import Now

from example_project.shop.models import Product
from product_imagery.flows.results.fetch import Stored
from product_imagery.flows.results.record import delete_strays, record_results
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage
from product_imagery.provider_kit.outcomes import Picture
from product_imagery.states import ItemStatus, Publication, Review
from product_imagery.storage.names import result_name
from product_imagery.storage.store import results_storage

pytestmark = pytest.mark.django_db

Begin = Callable[..., ProviderJob]
_FILE = {"format": "PNG", "width": 9, "height": 8, "size": 7, "sha256": "0" * 64}


@pytest.fixture
def begin(make_product: Callable[..., Product], enlarge: Callable[..., Enhancement]) -> Begin:
    """Start an enhancement of one product; return its job."""

    def one(**arguments: Any) -> ProviderJob:
        enlarge(make_product(), **arguments)
        return ProviderJob.objects.get()

    return one


def _record(job: ProviderJob, *pictures: dict[str, Any]) -> list[ResultImage]:
    items = list(job.items.all())
    stored = [
        Stored(
            Picture(items[0].pk, _FILE, _FILE, **facts), f"{number}.png", f"{number}-small.webp", f"{number}-made.png"
        )
        for number, facts in enumerate(pictures)
    ]
    record_results([(job, items, stored)])
    return list(ResultImage.objects.order_by("pk"))


def test_new_results_find_their_places_in_the_review(
    make_product: Callable[..., Product], gallery: Any, enlarge: Callable[..., Enhancement]
) -> None:
    enlarge(*(make_product(sku=f"n{n}") for n in range(3)))
    enlarge(gallery)
    *alone, first, second, third = ProviderJob.objects.order_by("items")
    for job, confidence in zip((*alone, first, second, third), (0.9, 0.6, 0.8, 0.9, 0.7, 1.0), strict=True):
        _record(job, {"confidence": confidence})
    items = list(EnhancementItem.objects.order_by("pk"))

    def order() -> list[int]:
        return [items.index(item) for item in EnhancementItem.objects.order_by("worst", "head", "pk")]

    assert order() == [1, 3, 4, 5, 2, 0]  # 0.6, then the gallery together by its 0.7
    _record(alone[0], {"confidence": 1.0, "warnings": ("tiny",)})  # another picture of the first product
    assert order() == [0, 1, 3, 4, 5, 2]


def test_a_result_has_the_facts_of_its_picture_and_waits_for_a_person(begin: Begin) -> None:
    job = begin()
    facts = {"confidence": 0.5, "warnings": ("tiny",), "report": {"edge": 1}, "mark": "m"}
    (result,) = _record(job, facts)
    assert (result.item, result.job, result.enhancement) == (job.items.get(), job, job.enhancement)
    assert (str(result.image), str(result.thumbnail), str(result.original)) == ("0.png", "0-small.webp", "0-made.png")
    assert {name: getattr(result, name) for name in _FILE} == _FILE
    assert {name: getattr(result, name) for name in facts} == {**facts, "warnings": ["tiny"]}
    assert (result.review, result.publication_note) == (Review.PENDING, "")


def test_the_first_variant_is_approved_and_waits_to_be_published(begin: Begin) -> None:
    results = _record(begin(auto_approve=True), {}, {}, {})
    assert [result.review for result in results] == [Review.APPROVED, Review.PENDING, Review.PENDING]
    assert [result.publication for result in results] == [Publication.WAITING, Publication.NONE, Publication.NONE]


def test_a_variant_that_a_person_has_to_see_is_passed_over_with_its_reason(begin: Begin, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "REVIEW_BELOW": 0.6}
    unsure, sure = _record(begin(auto_approve=True), {"confidence": 0.59}, {"confidence": 0.6})
    assert (unsure.review, sure.review) == (Review.PENDING, Review.APPROVED)
    assert "confidence of 0.59 is below REVIEW_BELOW (0.6)" in unsure.publication_note


def test_nothing_is_approved_after_a_cancellation_or_beside_a_chosen_variant(begin: Begin) -> None:
    job = begin(auto_approve=True)
    Enhancement.objects.update(cancelled_at=Now())
    (first,) = _record(job, {})
    assert first.review == Review.PENDING
    Enhancement.objects.update(cancelled_at=None)
    ResultImage.objects.update(review=Review.APPROVED, publication=Publication.PUBLISHED)
    assert [result.review for result in _record(job, {})] == [Review.APPROVED, Review.PENDING]


def test_files_without_a_row_are_deleted_once_the_item_has_ended(begin: Begin) -> None:
    job, storage = begin(), results_storage()
    item = job.items.get()
    ours, stray = (storage.save(result_name(item.uuid, word, ".png"), ContentFile(b"x")) for word in ("one", "two"))
    _record(job, {})
    ResultImage.objects.update(image=ours)
    delete_strays([item])
    assert storage.exists(stray)  # it is being made, and its row may follow
    EnhancementItem.objects.update(status=ItemStatus.COMPLETED, active_key=None, finished_at=Now())
    delete_strays([item])
    assert (storage.exists(ours), storage.exists(stray)) == (True, False)
