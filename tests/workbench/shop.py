"""A shop in every state that a merchant can meet. Needs Django to be set up, and an empty database."""

from __future__ import annotations

import itertools
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

import example_project
from example_project.shop.models import Collection as Gallery
from example_project.shop.models import Product
from example_project.shop.stock import stock_gallery
from product_imagery import approve, enhance
from product_imagery.flows import sample_pictures
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    ApprovalRule,
    Collection,
    CollectionEntry,
    Enhancement,
    ImageVersion,
    Preset,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    transitions,
)
from product_imagery.models.db_time import from_now
from product_imagery.models.job import CANDIDATES, candidates_as_text
from product_imagery.provider_kit.outcomes import Candidate
from product_imagery.states import ItemStatus, Review
from tests.workbench.page import Page

_PHOTOS = Path(example_project.__file__).parent / "catalogue" / "photos"


NOTES = (
    "The provider refused the key.",
    "The connection was lost. The provider may have accepted it.",
    "Nobody knows whether it was accepted.",
)


def build(side: int = 0) -> tuple[str, list[Page]]:
    """Fill the shop; return the session key of a merchant with all permissions, and the pages.

    ``side``: the longest side of the photos, to be quick; 0 for photos as they are.
    """
    call_command("migrate", verbosity=0)
    call_command("imagery_model", "fetch")  # without it the test picture waits, and the shop with it
    merchant = get_user_model().objects.create_superuser("merchant", password="secret")
    products = _products(side)
    done = enhance(products[:9], preset="larger", actor=merchant).enhancement
    run_slice(until_idle=True)
    _try_out("local", merchant)
    published = ResultImage.objects.filter(enhancement=done).order_by("pk")[:3]
    for result in published:
        approve(result, actor=merchant, publish=True)
    run_slice(until_idle=True)
    _conflict(ResultImage.objects.filter(enhancement=done).order_by("-pk")[0], merchant)
    failed = enhance(products[12:], preset="larger", actor=merchant).enhancement
    run_slice(until_idle=True)
    paused = _paused(products[:4], merchant)
    stalled = _stalled(products[4:6], merchant)
    busy = enhance(products[9:12], preset="larger", actor=merchant).enhancement
    client = Client()
    client.force_login(merchant)
    enhancements = {"done": done, "failed": failed, "paused": paused, "stalled": stalled, "busy": busy}
    return str(client.session.session_key), [*_start_pages(client, products), *_pages(enhancements)]


def build_plain(number: int) -> tuple[str, list[Page]]:
    """Fill the shop with products and nothing else; return what ``build`` returns."""
    call_command("migrate", verbosity=0)
    merchant = get_user_model().objects.create_superuser("merchant", password="secret")
    models = _products()[:12]
    Product.objects.all().delete()
    Product.objects.bulk_create(
        Product(title=f"{model.title} {at + 1}", sku=f"P{at}", price=10, photo=model.photo.name)
        for at, model in zip(range(number), itertools.cycle(models), strict=False)
    )
    client = Client()
    client.force_login(merchant)
    return str(client.session.session_key), []


def _products(side: int = 0) -> list[Product]:
    """Return twelve products with photos, and two whose files are no pictures."""
    products = []
    for number, path in enumerate(sorted(_PHOTOS.glob("*.jpg"))[:12]):
        product = Product(title=path.stem.replace("-", " ").capitalize(), sku=f"SKU-{number}", price=10 + number)
        product.photo.save(path.name, ContentFile(_photo(path, side)))
        products.append(product)
    for number in range(2):
        broken = Product(title=f"Broken upload {number + 1}", sku=f"BAD-{number}", price=5)
        broken.photo.save("broken.jpg", ContentFile(b"no picture"))
        products.append(broken)
    stock_gallery()
    return products


def _photo(path: Path, side: int) -> bytes:
    if not side:
        return path.read_bytes()
    with Image.open(path) as photo:
        photo.thumbnail((side, side))
        written = BytesIO()
        photo.save(written, "JPEG")
    return written.getvalue()


def _conflict(result: ResultImage, merchant: object) -> None:
    """Publish a picture whose product was changed in between."""
    approve(result, actor=merchant, publish=True)  # type: ignore[arg-type]
    Product.objects.filter(pk=result.item.object_id).update(enhanced_photo="products/by-hand.jpg")
    run_slice(until_idle=True)


def _paused(products: list[Product], merchant: object) -> Enhancement:
    """Start an enhancement whose account is paused afterwards."""
    credential = _credential("paqshot", "Paqshot")
    started = enhance(products, operation="scene", options={"prompt": "on a marble table"}, credential=credential,
                      actor=merchant).enhancement  # type: ignore[arg-type]  # fmt: skip
    run_slice(seconds=0.0)
    credential.pause(NOTES[0], stops_reads=True, awaits_key=True)
    return started


def _stalled(products: list[Product], merchant: object) -> Enhancement:
    """Start an enhancement whose requests were lost."""
    credential = _credential("productai", "ProductAI")
    started = enhance(products, operation="white_background", credential=credential, actor=merchant).enhancement  # type: ignore[arg-type]
    jobs = ProviderJob.objects.filter(enhancement=started)
    transitions.mark_sending(jobs, 60.0, intent_at=from_now(-90))
    transitions.mark_stalled(jobs, NOTES[1])
    candidates = [Candidate("41001", "https://10.0.0.1/no.png", timezone.now()), Candidate("41002")]
    jobs.filter(pk=jobs[0].pk).update(remembered={CANDIDATES: candidates_as_text(candidates)})
    items = started.items.all()
    transitions.stall_items(items, error_code="outcome_unknown", error_message=NOTES[2])
    return started


def _credential(provider: str, label: str) -> ProviderCredential:
    credential = ProviderCredential(provider=provider, label=label)
    credential.set_secret("an_example_key_that_nobody_accepts_0001")
    credential.save()
    return credential


def _collection(enhancement: Enhancement) -> Collection:
    """Return a collection of the results of an enhancement."""
    collection = Collection.objects.create(name="Summer", owner=enhancement.actor)
    results = enhancement.results.order_by("pk")
    CollectionEntry.objects.bulk_create(CollectionEntry(collection=collection, result=one) for one in results)
    return collection


def _try_out(provider: str, merchant: object) -> None:
    """Make a test picture with the account at a provider."""
    credential = ProviderCredential.objects.for_provider(provider)
    assert credential is not None
    sample_pictures.make(credential, actor=merchant, most=Decimal(0))  # type: ignore[arg-type]
    run_slice(until_idle=True)


def _start_pages(client: Client, products: list[Product]) -> list[Page]:
    """Return the page of a selection."""
    bare = Product.objects.create(title="Without a photo", sku="BARE", price=5)
    chosen = {"action": "enhance_images", "_selected_action": [product.pk for product in [*products, bare]]}
    address = client.post(reverse("admin:shop_product_changelist"), chosen)["Location"]
    return [
        Page("start", address),
        Page("start-paused", f"{address}?preset=paqshot-white"),
        Page("start-left-out", f"{address}left-out/?preset=larger"),
        Page("start-wrong", f"{address}?preset=marble&shown=marble&option-ratio_own=wide"),
    ]


def _pages(enhancements: dict[str, Enhancement]) -> list[Page]:
    pages = [Page("products", reverse("admin:shop_product_changelist"))]
    pages.append(Page("home", reverse("admin:product_imagery_home")))
    for name, enhancement in enhancements.items():
        address = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
        pages.append(Page(f"run-{name}", address))
    review = reverse("admin:product_imagery_enhancement_review", args=[enhancements["done"].pk])
    pages += [Page("review", review), Page("review-approved", f"{review}?show=approved")]
    waiting = ResultImage.objects.filter(enhancement=enhancements["done"], review=Review.PENDING).order_by("pk")[0]
    pages += [Page("review-empty", f"{review}?show=rejected"), Page("review-large", f"{review}?focus={waiting.pk}")]
    pages.append(Page("review-another", f"{review}?another={waiting.pk}"))
    rule = ApprovalRule.objects.create(name="Sure enlargements", operation="upscale", publishes=True)
    pages.append(Page("review-rule", f"{reverse('admin:product_imagery_enhancement_review')}?rule={rule.pk}"))
    pages.append(Page("add-approvalrule", reverse("admin:product_imagery_approvalrule_add")))
    for model in (
        "approvalrule",
        "enhancement",
        "enhancementitem",
        "imageversion",
        "preset",
        "providercredential",
        "providerjob",
    ):
        pages.append(Page(f"list-{model}", reverse(f"admin:product_imagery_{model}_changelist")))
    pages.append(Page("list-collection", reverse("admin:product_imagery_collection_changelist")))
    first = {
        "approvalrule": rule,
        "collection": _collection(enhancements["done"]),
        "preset": Preset.objects.order_by("position").first(),
        "providercredential": ProviderCredential.objects.get(label="Paqshot"),
        "providercredential-local": ProviderCredential.objects.get(provider="local"),
        "providerjob": ProviderJob.objects.filter(items__status=ItemStatus.STALLED).first(),
        "enhancementitem": enhancements["failed"].items.first(),
        "imageversion": ImageVersion.objects.first(),
    }
    for name, row in first.items():
        assert row is not None
        model = row._meta.model_name
        pages.append(Page(f"one-{name}", reverse(f"admin:product_imagery_{model}_change", args=[row.pk])))
    product = Product.objects.order_by("pk")[0]
    pages.append(Page("one-product", reverse("admin:shop_product_change", args=[product.pk])))
    pages.append(Page("one-product-pictures", reverse("admin:shop_product_imagery_pictures", args=[product.pk])))
    gallery = Gallery.objects.order_by("pk")[0]
    pages.append(Page("one-gallery", reverse("admin:shop_collection_change", args=[gallery.pk])))
    pages.append(Page("add-collection", reverse("admin:product_imagery_collection_add")))
    kinds = {"preset": "work=local:scene", "providercredential": "provider=paqshot"}
    for model, kind in kinds.items():
        address = reverse(f"admin:product_imagery_{model}_add")
        pages += [Page(f"add-{model}", address), Page(f"add-{model}-chosen", f"{address}?{kind}")]
    pages += [Page("api-guide", reverse("product_imagery:docs")), Page("storefront", "/")]
    pages.append(Page("storefront-product", f"/products/{product.pk}/"))
    return [*pages, Page("storefront-gallery", f"/collections/{gallery.pk}/")]
