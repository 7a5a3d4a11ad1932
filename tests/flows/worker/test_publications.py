"""Publications under way beside the worker loop: leased once, few of one model, and counted when they have ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from example_project.shop.models import Collection, Product
from product_imagery.conf import get_settings
from product_imagery.flows.results import review
from product_imagery.flows.worker.publications import Publications
from product_imagery.models import Enhancement, ResultImage
from product_imagery.states import Publication
from tests.fakes.storages import storing

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]


@pytest.fixture
def waiting(make_product: Make, gallery: Collection, enlarge: Enlarge, work: Callable[[], Any]) -> None:
    """Results that wait for their publication: four of products, then three of a gallery."""
    enlarge(*[make_product(f"P{number}") for number in range(4)])
    enlarge(gallery)
    work()
    for result in ResultImage.objects.order_by("pk"):
        review.approve(result, actor=None, publish=True)


def _published() -> int:
    return ResultImage.objects.filter(publication=Publication.PUBLISHED).count()


class _Gate:
    """Holds files of products back on their way into the storage until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, save: Callable[[str, Any], str], name: str, content: Any) -> str:
        assert self.open.wait(30)
        return save(name, content)


def _end(publications: Publications) -> tuple[int, int]:
    """Wait for the threads, then collect."""
    for thread in threading.enumerate():
        if thread.name.startswith("imagery-publish"):
            thread.join(30)
    return publications.collect()


@pytest.mark.usefixtures("waiting")
def test_one_model_leaves_a_thread_to_the_others_and_nothing_is_leased_twice() -> None:
    later = ResultImage.objects.exclude(item__label__in=["P0", "P1", "P2"])
    later.update(publication=Publication.NONE)
    publications, gate = Publications(get_settings(), lambda: None), _Gate()
    with storing(gate):
        assert publications.begin() == 3
        later.update(publication=Publication.WAITING)
        assert (publications.begin(), publications.begin()) == (1, 0)
        assert not ResultImage.objects.get(item__label="P3").lease_token
        assert publications.collect() == (0, 0)
        gate.open.set()
        assert _end(publications) == (4, 4)
    assert _published() == 4


@pytest.mark.usefixtures("waiting")
def test_those_that_ended_are_counted_once_and_those_that_changed_a_product_apart() -> None:
    Product.objects.filter(title="P0").update(enhanced_photo="products/by-hand.jpg")
    ResultImage.objects.exclude(item__label__in=["P0", "P1"]).update(publication=Publication.NONE)
    publications = Publications(get_settings(), lambda: None)
    assert publications.begin() == 2
    assert _end(publications) == (2, 1)
    assert publications.collect() == (0, 0)
    assert publications.begin() == 0


@pytest.mark.usefixtures("waiting")
def test_leases_of_publications_under_way_are_renewed() -> None:
    publications, gate = Publications(get_settings(), lambda: None), _Gate()
    with storing(gate):
        number = publications.begin()
        publications.renew(10_000)
        late = ResultImage.objects.filter(leased_until__gt=timezone.now() + timedelta(seconds=9_000)).count()
        gate.open.set()
        _end(publications)
    assert late == number > 0
