"""Decisions on many results: short transactions, few queries, and a way back until a worker has acted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from product_imagery.exceptions import StateError
from product_imagery.flows.results import bulk, review
from product_imagery.flows.results.review import Decision
from product_imagery.models import ImageVersion, ResultImage
from product_imagery.states import Publication, Review

pytestmark = pytest.mark.django_db

Work = Callable[[], Any]


@pytest.fixture
def results(make_product: Any, enlarge: Any, work: Work) -> list[ResultImage]:
    """Four pending results of four products."""
    enlarge(*(make_product(sku=f"n{n}") for n in range(4)))
    work()
    return _loaded()


def _loaded(**by: Any) -> list[ResultImage]:
    return list(ResultImage.objects.filter(**by).select_related("item__enhancement").order_by("pk"))


def _states() -> list[tuple[str, str]]:
    return list(ResultImage.objects.order_by("pk").values_list("review", "publication"))


def test_many_are_approved_and_published_together(results: list[ResultImage], work: Work) -> None:
    batch = bulk.approve(results, actor=None, publish=True, decision=Decision())
    assert (len(batch.done), batch.refused) == (4, [])
    work()
    assert ImageVersion.objects.count() == 4


def test_the_number_of_queries_does_not_depend_on_that_of_results(results: list[ResultImage]) -> None:
    counts = []
    for some in (results[:1], results[1:]):
        with CaptureQueriesContext(connection) as queries:
            bulk.approve(some, actor=None, publish=True, decision=Decision())
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_what_somebody_else_has_judged_is_refused(results: list[ResultImage]) -> None:
    review.reject(results[0], actor=None)
    batch = bulk.approve(results, actor=None, publish=True, decision=Decision())
    assert [one.pk for one in batch.done] == [one.pk for one in results[1:]]
    assert [error.message for error in batch.refused] == ["This picture is rejected already."]
    assert _states()[0] == (Review.REJECTED, Publication.NONE)


def test_of_one_item_one_is_published(results: list[ResultImage]) -> None:
    ResultImage.objects.update(item=results[0].item)
    batch = bulk.approve(_loaded(), actor=None, publish=True, decision=Decision())
    assert len(batch.done) == 1
    assert {error.code for error in batch.refused} == {"variant_chosen"}
    assert _states().count((Review.APPROVED, Publication.WAITING)) == 1
    assert _states().count((Review.PENDING, Publication.NONE)) == 3


def test_results_of_a_trial_are_not_published(results: list[ResultImage]) -> None:
    enhancement = results[0].enhancement
    enhancement.is_test = True
    enhancement.save()
    batch = bulk.approve(_loaded(), actor=None, publish=True, decision=Decision())
    assert (batch.done, {error.code for error in batch.refused}) == ([], {"test_key"})
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}


def test_approved_ones_are_published_together(results: list[ResultImage], work: Work) -> None:
    bulk.approve(results, actor=None, publish=False, decision=Decision())
    work()
    assert not ImageVersion.objects.exists()
    assert len(bulk.publish(_loaded(), actor=None, decision=Decision()).done) == 4
    work()
    assert ImageVersion.objects.count() == 4
    assert len(bulk.publish(_loaded(), actor=None, decision=Decision()).refused) == 4


def test_a_worker_leaves_the_time_for_second_thoughts(results: list[ResultImage]) -> None:
    bulk.approve(results, actor=None, publish=True, decision=Decision(wait=600))
    acquired = {"most": 9, "seconds": 60.0, "tries": 5}
    assert ResultImage.objects.acquire_publications(**acquired) == []  # type: ignore[arg-type]
    ResultImage.objects.update(publish_after="2020-01-01T00:00Z")
    assert len(ResultImage.objects.acquire_publications(**acquired)) == 4  # type: ignore[arg-type]


def test_undo_returns_all_to_review(results: list[ResultImage], work: Work) -> None:
    bulk.approve(results[:2], actor=None, publish=True, decision=Decision(wait=600))
    bulk.reject(results[2:], actor=None, reason=" Too dark. ", decision=Decision())
    assert set(ResultImage.objects.filter(review="rejected").values_list("review_note", flat=True)) == {"Too dark."}
    assert len(bulk.undo(_loaded(), judgement=True).done) == 4
    assert set(_states()) == {(Review.PENDING, Publication.NONE)}
    assert set(ResultImage.objects.values_list("review_note", "reviewed_by", "publish_after")) == {("", None, None)}
    work()
    assert not ImageVersion.objects.exists()


def test_undo_comes_too_late_for_what_stands_on_a_product(results: list[ResultImage], work: Work) -> None:
    bulk.approve(results[:1], actor=None, publish=True, decision=Decision())
    work()
    batch = bulk.undo(_loaded(pk=results[0].pk), judgement=True)
    assert (batch.done, len(batch.refused)) == ([], 1)
    with pytest.raises(StateError, match="too late"):
        review.return_to_review(results[0])
    assert _states()[0] == (Review.APPROVED, Publication.PUBLISHED)


def test_undo_of_a_publication_leaves_the_approval(results: list[ResultImage]) -> None:
    bulk.approve(results, actor=None, publish=False, decision=Decision())
    bulk.publish(_loaded(), actor=None, decision=Decision(wait=600))
    assert len(bulk.undo(_loaded(), judgement=False).done) == 4
    assert set(_states()) == {(Review.APPROVED, Publication.NONE)}


def test_a_worker_that_is_publishing_meanwhile_writes_nothing(results: list[ResultImage]) -> None:
    from product_imagery.flows.results.publish import put_on_product

    review.approve(results[0], actor=None, publish=True)
    (leased,) = ResultImage.objects.acquire_publications(most=1, seconds=60.0, tries=5)
    review.return_to_review(results[0])
    assert put_on_product(leased) is None
    assert not ImageVersion.objects.exists()
    assert _states()[0] == (Review.PENDING, Publication.NONE)


def test_the_other_variants_of_an_approved_one_need_no_review(results: list[ResultImage]) -> None:
    first, *others = results
    ResultImage.objects.update(item=first.item, job=first.job)
    assert ResultImage.objects.to_review().count() == 4
    review.approve(first, actor=None)
    assert ResultImage.objects.to_review().count() == 0
    review.return_to_review(first)
    review.reject(others[0], actor=None)
    assert ResultImage.objects.to_review().count() == 3
