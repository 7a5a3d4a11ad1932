"""Onto the product and back: exactly, and never over somebody else's change."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, Product
from product_imagery.exceptions import PublicationConflict, StateError, StorageError
from product_imagery.flows.results import publish, review
from product_imagery.models import Enhancement, ImageVersion, ResultImage
from product_imagery.states import ItemStatus, Publication, Review
from product_imagery.storage import store
from tests.conftest import draw_product, encoded

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]


@pytest.fixture
def published(make_product: Make, enlarge: Enlarge, work: Work) -> Product:
    """A product with a published picture."""
    product = make_product()
    enlarge(product, auto_approve=True)
    work()
    return Product.objects.get()


def test_the_approved_picture_goes_onto_the_product(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product("Blue Ünit / 5")
    enlarge(product)
    work()
    result = ResultImage.objects.get()
    review.approve(result, actor=None, publish=True)
    assert work().published == 1
    product.refresh_from_db()
    result.refresh_from_db()
    assert result.publication == Publication.PUBLISHED
    assert product.enhanced_photo.name.startswith("products/enhanced/blue-unit-5-")
    assert store.digest(product.enhanced_photo.storage, product.enhanced_photo.name) == result.sha256
    assert product.enhanced_photo.name != result.image.name


def test_without_approval_nothing_is_published(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    work()
    result = ResultImage.objects.get()
    with pytest.raises(StateError, match="Only an approved picture"):
        review.publish(result, actor=None)
    review.reject(result, actor=None)
    with pytest.raises(StateError, match="is rejected already|is approved already"):
        review.approve(result, actor=None, publish=True)
    assert not Product.objects.get().enhanced_photo


def test_restore_puts_back_exactly_what_was_there(published: Product, enlarge: Enlarge, work: Work) -> None:
    first_name = published.enhanced_photo.name
    first_bytes = Path(published.enhanced_photo.path).read_bytes()
    enlarge(published, options={"factor": "4"}, auto_approve=True)
    work()
    published.refresh_from_db()
    assert published.enhanced_photo.name != first_name
    newer, older = ImageVersion.objects.all()
    with pytest.raises(PublicationConflict, match="Take a newer publication back first"):
        publish.restore(older, actor=None)
    publish.restore(newer, actor=None)
    published.refresh_from_db()
    assert published.enhanced_photo.name == first_name
    assert Path(published.enhanced_photo.path).read_bytes() == first_bytes
    publish.restore(older, actor=None)
    assert not Product.objects.get().enhanced_photo
    with pytest.raises(StateError, match="put back already"):
        publish.restore(older, actor=None)
    assert set(ResultImage.objects.values_list("publication", flat=True)) == {Publication.RESTORED}


def test_a_restored_picture_can_be_published_again(published: Product, work: Work) -> None:
    name = published.enhanced_photo.name
    publish.restore(ImageVersion.objects.get(), actor=None)
    review.publish(ResultImage.objects.get(), actor=None)
    work()
    assert Product.objects.get().enhanced_photo.name == name


def test_a_picture_set_meanwhile_is_not_overwritten(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    enlarge(product)
    work()
    product.enhanced_photo.save("by-hand.png", ContentFile(encoded(draw_product(colour="blue"), "PNG")))
    review.approve(ResultImage.objects.get(), actor=None, publish=True)
    work()
    result = ResultImage.objects.get()
    assert result.publication == Publication.CONFLICT
    assert "was changed after" in result.publication_note
    assert Product.objects.get().enhanced_photo.name == product.enhanced_photo.name
    assert not ImageVersion.objects.exists()
    assert [path.name for path in Path(product.enhanced_photo.path).parent.iterdir()] == ["by-hand.png"]


def test_a_photo_replaced_meanwhile_is_a_conflict(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    enlarge(product, auto_approve=True)
    Path(product.photo.path).write_bytes(encoded(draw_product(colour="green")))
    (job,) = [enhancement.jobs.get() for enhancement in Enhancement.objects.all()]
    work()
    Path(product.photo.path).write_bytes(encoded(draw_product(colour="yellow")))
    ResultImage.objects.update(publication=Publication.WAITING, lease_token=None, leased_until=None)
    ImageVersion.objects.all().delete()
    Product.objects.update(enhanced_photo="")
    job.items.update(target_name="")
    work()
    assert "no longer the one that this picture was made from" in ResultImage.objects.get().publication_note


def test_a_deleted_product_disturbs_nothing(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    enlarge(product, auto_approve=True)
    product.delete()
    work()
    result = ResultImage.objects.get()
    assert (result.publication, result.publication_note[:12]) == (Publication.CONFLICT, "The product,")


def test_publishing_into_the_source_field_keeps_the_old_file(gallery: Collection, enlarge: Enlarge, work: Work) -> None:
    before = {row.pk: (row.image.name, Path(row.image.path).read_bytes()) for row in gallery.photos.all()}
    enlarge(gallery, auto_approve=True)
    work()
    for row in gallery.photos.all():
        assert row.image.name != before[row.pk][0]
    for version in ImageVersion.objects.all():
        publish.restore(version, actor=None)
    for row in gallery.photos.all():
        assert (row.image.name, Path(row.image.path).read_bytes()) == before[row.pk]


def test_restore_says_when_the_earlier_file_is_gone_or_changed(
    gallery: Collection, enlarge: Enlarge, work: Work
) -> None:
    enlarge(gallery, auto_approve=True)
    work()
    version, other, _ = ImageVersion.objects.all()
    storage = store.results_storage()
    storage.delete(version.before_name)
    with pytest.raises(StorageError, match="no longer in the storage"):
        publish.restore(version, actor=None)
    Path(storage.path(other.before_name)).write_bytes(b"something else")
    with pytest.raises(StorageError, match="has been changed since"):
        publish.restore(other, actor=None)


def test_a_damaged_result_is_not_published(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    work()
    result = ResultImage.objects.get()
    Path(result.image.path).write_bytes(b"rotten")
    review.approve(result, actor=None, publish=True)
    work()
    assert "damaged" in ResultImage.objects.get().publication_note
    assert not Product.objects.get().enhanced_photo


def test_of_several_variants_one_goes_onto_the_product(make_product: Make, model_file: Path, work: Work) -> None:
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.products import description_of

    product = make_product()
    spec = spec_of_operation("scene", {"variants": 3, "size": 300})
    enhance({description_of(Product): [product.pk]}, spec, channel="command", auto_approve=True)
    work()
    approved = ResultImage.objects.filter(review=Review.APPROVED)
    assert (ResultImage.objects.count(), approved.count(), ImageVersion.objects.count()) == (3, 1, 1)


def test_making_another_uses_another_seed(make_product: Make, model_file: Path, work: Work) -> None:
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.products import description_of

    product = make_product()
    enhance({description_of(Product): [product.pk]}, spec_of_operation("scene", {"size": 300}), channel="command")
    work()
    first = ResultImage.objects.get()
    review.regenerate(first, actor=None)
    with pytest.raises(StateError):
        review.regenerate(first, actor=None)
    work()
    first.refresh_from_db()
    second = ResultImage.objects.exclude(pk=first.pk).get()
    assert first.review == Review.REJECTED
    assert second.sha256 != first.sha256
    assert second.item.status == ItemStatus.COMPLETED


def test_a_photo_that_is_source_and_target_is_not_overwritten_when_its_bytes_changed(
    gallery: Collection, enlarge: Enlarge, work: Work
) -> None:
    """J8: replaced under its own name while the picture was made."""
    enlarge(gallery)
    work()
    changed = gallery.photos.first()
    assert changed is not None
    Path(changed.image.path).write_bytes(encoded(draw_product(colour="green")))
    for result in ResultImage.objects.all():
        review.approve(result, actor=None, publish=True)
    work()
    changed.refresh_from_db()
    assert ResultImage.objects.filter(publication=Publication.CONFLICT).count() == 1
    assert Path(changed.image.path).read_bytes() == encoded(draw_product(colour="green"))


def _product_queries(result: ResultImage, table: str) -> list[str]:
    """Publish a result; return the statements that read or write the table of its product."""
    with CaptureQueriesContext(connection) as queries:
        assert publish.put_on_product(result) is not None
    return [query["sql"] for query in queries if re.search(rf'(FROM|UPDATE) "{table}"', query["sql"])]


@pytest.mark.parametrize("number", [1, 3])
def test_a_publication_reads_its_product_once_and_writes_with_one_condition(
    make_product: Make, enlarge: Enlarge, work: Work, number: int
) -> None:
    """Three statements: the slot, and inside of the transaction the row of ``write`` and its update."""
    enlarge(*[make_product() for _ in range(number)])
    work()
    for result in ResultImage.objects.all():
        review.approve(result, actor=None, publish=True)
    for result in ResultImage.objects.acquire_publications(most=number, seconds=60, tries=5):
        assert len(_product_queries(result, "shop_product")) == 3


def test_a_publication_reads_its_row_of_a_gallery_once_even_after_another_publication(
    gallery: Collection, enlarge: Enlarge, work: Work
) -> None:
    """The second publication follows the source back through the first one."""
    enlarge(gallery)
    work()
    enlarge(gallery, options={"factor": "4"})
    work()
    for result in ResultImage.objects.order_by("pk"):
        review.approve(result, actor=None, publish=True)
    published = 0
    while results := ResultImage.objects.acquire_publications(most=1, seconds=60, tries=5):
        assert len(_product_queries(results[0], "shop_collectionphoto")) == 3
        published += 1
    assert published == ImageVersion.objects.count() == 6
