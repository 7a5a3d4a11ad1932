"""What a review found: two workers at once, and what one of them may not undo."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from example_project.shop.models import Product
from product_imagery.exceptions import RegistrationError, RequestError
from product_imagery.flows import local_jobs
from product_imagery.flows.enhancements import cancel
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.results import publish, review
from product_imagery.flows.worker.maintenance import settle_forgotten
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.models import Enhancement, ImageVersion, ProviderCredential, ProviderJob, ResultImage
from product_imagery.products import ProductImages, register, unregister
from product_imagery.states import EnhancementStatus, ItemStatus, Publication, Review
from product_imagery.storage import store
from tests.conftest import draw_product, encoded
from tests.fakes.storages import raising, storing

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]


def test_a_worker_that_comes_late_takes_no_file_from_the_one_that_took_over(
    make_product: Make, enlarge: Enlarge
) -> None:
    enlarge(make_product())
    pool = ImagingPool(PoolLimits(processes=1))
    (late,) = local_jobs.prepare(ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60))
    done_late = local_jobs.perform(late, pool)
    ProviderJob.objects.all().release(state="queued")
    (next_,) = local_jobs.prepare(ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60))
    done_next = local_jobs.perform(next_, pool)
    pool.close()
    local_jobs.record(done_late)
    local_jobs.record(done_next)
    result = ResultImage.objects.get()
    assert store.digest(store.results_storage(), result.image.name) == result.sha256


def test_a_publication_that_was_taken_over_deletes_nothing(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    work()
    review.approve(ResultImage.objects.get(), actor=None, publish=True)
    (late,) = ResultImage.objects.acquire_publications(most=1, seconds=60, tries=5)
    ResultImage.objects.update(lease_token=uuid.uuid4())
    other = ResultImage.objects.select_related("item__enhancement").get()
    copies: list[str] = []

    def overtaken(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        copies.append(save(name, content))
        assert publish.put_on_product(other) is not None  # finds the copy that the late one has just made
        return copies[0]

    with storing(overtaken):
        assert publish.put_on_product(late) is None
    product = Product.objects.get()
    assert copies == [product.enhanced_photo.name]
    assert Path(product.enhanced_photo.path).exists()
    assert ImageVersion.objects.count() == 1


def test_an_enhancement_whose_last_worker_died_is_closed(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(make_product())
    work()
    Enhancement.objects.update(status=EnhancementStatus.PROCESSING, finished_at=None)
    settle_forgotten()
    enhancement.refresh_from_db()
    assert enhancement.status == EnhancementStatus.COMPLETED


def test_a_storage_with_errors_of_its_own_fails_only_that_try(make_product: Make, enlarge: Enlarge) -> None:
    class BackEndError(Exception):
        pass

    enhancement = enlarge(make_product())
    (task,) = local_jobs.prepare(ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60))
    pool = ImagingPool(PoolLimits(processes=1))
    with storing(raising(BackEndError("503 Slow Down"))):
        done = local_jobs.perform(task, pool)
    pool.close()
    assert done.again
    local_jobs.record(done)
    assert enhancement.items.get().status == ItemStatus.QUEUED


def test_a_job_whose_model_is_no_longer_registered_fails_alone(
    make_product: Make, enlarge: Enlarge, work: Work
) -> None:
    from example_project.shop.imagery import ProductPhotos

    enhancement = enlarge(make_product())
    unregister(Product)
    try:
        work()
    finally:
        register(Product)(ProductPhotos)
    assert "is not registered" in enhancement.items.get().error_message


def test_one_failed_attempt_at_another_one_keeps_the_first(
    make_product: Make, enlarge: Enlarge, work: Work, make_it_vary: Work
) -> None:
    product = make_product()
    enhancement = enlarge(product)
    work()
    make_it_vary()
    review.regenerate(ResultImage.objects.get(), actor=None)
    product.photo.storage.delete(product.photo.name)
    work()
    enhancement.refresh_from_db()
    assert (enhancement.status, enhancement.items.get().error_code) == (EnhancementStatus.COMPLETED, "missing")


def test_cancelling_keeps_what_is_finished_and_publishes_nothing_more(make_product: Make, enlarge: Enlarge) -> None:
    enhancement = enlarge(make_product(), make_product(), auto_approve=True)
    (task,) = local_jobs.prepare(ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60))
    cancel.cancel(enhancement)
    pool = ImagingPool(PoolLimits(processes=1))
    local_jobs.record(local_jobs.perform(task, pool))
    pool.close()
    assert ResultImage.objects.get().review == Review.PENDING


def test_one_kept_variant_counts_as_done(make_product: Make, enlarge: Enlarge, work: Work, make_it_vary: Work) -> None:
    product = make_product()
    enlarge(product)
    work()
    make_it_vary()
    review.regenerate(ResultImage.objects.get(), actor=None)
    work()
    with pytest.raises(RequestError, match="have this look already"):
        enlarge(product)


def test_a_conflict_can_be_overruled_by_a_person(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    enlarge(product)
    work()
    product.enhanced_photo.save("by-hand.png", ContentFile(encoded(draw_product(colour="blue"), "PNG")))
    result = ResultImage.objects.get()
    review.approve(result, actor=None, publish=True)
    work()
    result.refresh_from_db()
    assert result.publication == Publication.CONFLICT
    review.publish(result, actor=None)
    work()
    version = ImageVersion.objects.get()
    assert version.before_name == product.enhanced_photo.name
    publish.restore(version, actor=None)
    assert Product.objects.get().enhanced_photo.name == product.enhanced_photo.name


def test_long_names_fit_the_product_s_field(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product("A very long name of a product " * 4)
    enlarge(product, auto_approve=True)
    work()
    product.refresh_from_db()
    assert product.enhanced_photo
    assert len(product.enhanced_photo.name) <= 100


def test_an_account_that_is_switched_off_takes_no_work(db: None) -> None:
    spec_of_operation("upscale", {})
    ProviderCredential.objects.update(is_active=False)
    with pytest.raises(RequestError, match="no usable account"):
        spec_of_operation("upscale", {})
    with pytest.raises(RequestError, match="switched off"):
        spec_of_operation("upscale", {}, ProviderCredential.objects.get())


def test_a_misspelt_attribute_is_refused() -> None:
    class Misspelt(ProductImages):
        source = "photo"
        tagret = "enhanced_photo"

    unregister(Product)
    try:
        with pytest.raises(RegistrationError, match="no attribute tagret. Did you mean target"):
            register(Product)(Misspelt)
    finally:
        from example_project.shop.imagery import ProductPhotos

        register(Product)(ProductPhotos)
