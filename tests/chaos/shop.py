"""The shop that the killed workers serve, and the questions asked of it afterwards. Needs Django to be set up."""

from __future__ import annotations

import random
import time
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db.models.functions import Now
from PIL import Image

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.worker.health import has_work
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage
from product_imagery.products import description_of
from product_imagery.states import ItemStatus, JobState, Publication
from product_imagery.storage import store
from product_imagery.storage.scratch import clear_scratch
from tests.conftest import draw_product, encoded

_half: list[str] = []


def stock(items: int) -> None:
    call_command("migrate", verbosity=0)
    for number in range(items):
        product = Product(title=f"Product {number}", sku=f"S{number}", price=1)
        colour = f"#{(number * 7919) % 0xFFFFFF:06x}"
        product.photo.save("photo.jpg", ContentFile(encoded(draw_product((420 + number % 7, 400), colour=colour))))


def repeat(items: int) -> None:
    """So many products with the photo of the first."""
    photo = Product.objects.first()
    assert photo is not None
    Product.objects.bulk_create(
        Product(title=f"Product {number}", sku=f"R{number}", price=1, photo=photo.photo.name)
        for number in range(1, items)
    )


def begin() -> None:
    ids = list(Product.objects.values_list("pk", flat=True))
    spec = spec_of_operation("white_background", {"size": 600})
    enhance({description_of(Product): ids}, spec, channel="command", auto_approve=True, fresh=True)


def is_busy() -> bool:
    return has_work()


def left() -> int:
    unfinished = ProviderJob.objects.exclude(state=JobState.DONE).count()
    return unfinished + ResultImage.objects.filter(publication=Publication.WAITING).count()


def count() -> int:
    return EnhancementItem.objects.count()


def look_for_half_pictures(rng: random.Random) -> None:
    """Open a few files that customers could see at this moment."""
    visible = list(Path(settings.MEDIA_ROOT).glob("products/enhanced/*")) + list(
        Path(settings.MEDIA_ROOT).glob("product_imagery/results/*/*")
    )
    for path in rng.sample(visible, min(6, len(visible))):
        try:
            with Image.open(path) as opened:
                opened.load()
        except FileNotFoundError:
            continue  # tidied away between listing and opening
        except OSError as error:
            _half.append(f"half picture: {path}: {error}")


def problems() -> list[str]:
    """Everything that is not as it should be, in sentences."""
    clear_scratch(store.results_storage(), time.time())
    return [*_half, *_items(), *_files(), *_products()]


def _items() -> list[str]:
    found = []
    for status in EnhancementItem.objects.exclude(status=ItemStatus.COMPLETED).values_list("status", "error_message"):
        found.append(f"item not completed: {status}")
    for item in EnhancementItem.objects.all():
        if (made := item.results.count()) != 1:
            found.append(f"item {item.pk} has {made} results")
    for job in ProviderJob.objects.exclude(state=JobState.DONE):
        found.append(f"job {job.pk} is {job.state}")
    for enhancement in Enhancement.objects.exclude(status="completed"):
        found.append(f"enhancement {enhancement.pk} is {enhancement.status}")
    return found


def _files() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    rows = ResultImage.objects.values_list("image", "thumbnail")
    known = {name for row in rows for name in row} | set(ImageVersion.objects.values_list("after_name", flat=True))
    there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    there = {name for name in there if name.startswith(("product_imagery", "products/enhanced", ".product_imagery"))}
    found = [f"orphan file: {name}" for name in there - known] + [f"missing file: {name}" for name in known - there]
    for result in ResultImage.objects.all():
        if result.image.name in there and store.digest(store.results_storage(), result.image.name) != result.sha256:
            found.append(f"wrong bytes: {result.image.name}")
    return found


def _products() -> list[str]:
    found = [
        f"result {r.pk} is {r.publication}: {r.publication_note}"
        for r in ResultImage.objects.exclude(publication__in=(Publication.PUBLISHED, Publication.NONE))
    ]
    for product in Product.objects.all():
        versions = ImageVersion.objects.filter(object_id=str(product.pk)).order_by("-pk")
        newest = versions.first()
        if newest is None or newest.after_name != product.enhanced_photo.name:
            found.append(f"product {product.pk} does not show its newest version")
        if versions.count() != ResultImage.objects.filter(item__object_id=str(product.pk)).count():
            found.append(f"product {product.pk} was published to more or less often than approved")
    return found


def product_ids() -> list[int]:
    return list(Product.objects.order_by("pk").values_list("pk", flat=True))


def work_hosted() -> None:
    """Let one worker do everything, with the clock of waits wound forward."""
    open_states = (JobState.QUEUED, JobState.SENDING, JobState.RUNNING, JobState.CHECKING)
    while ProviderJob.objects.filter(state__in=open_states).exists():
        ProviderJob.objects.filter(state__in=open_states, leased_until=None).update(due_at=Now())
        run_slice(seconds=0.5)
