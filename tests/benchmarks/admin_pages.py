"""Time and queries of each admin page, in a small shop and in a large one: python -m tests.benchmarks.admin_pages

Both shops have as many products, results to review, published pictures, jobs and ledger entries as ``--sizes`` says,
by default 10 and 10,000. Printed are the median of a few requests and the number of queries of each page. On SQLite,
which works in the same process, the time is that of the processor, so that other programs do not count. Else it is the
empty database of ``DATABASE_URL``; the rows are left there. Exits with 1 where a page needs more queries in the
large shop, or a page of the review takes longer than 300 ms there.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_TIMES = 5
_MOST_MS = 300  #: of a page of the review
_BATCH = 1000

Request = Callable[[], Any]


@dataclass(frozen=True)
class Figures:
    """Median in milliseconds, and number of queries."""

    ms: float
    queries: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=(10, 10_000), metavar=("SMALL", "LARGE"))
    sizes = parser.parse_args().sizes
    with tempfile.TemporaryDirectory(prefix="imagery-pages-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        import django

        django.setup()
        return _run(*sizes)


def _run(small: int, large: int) -> int:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    logging.disable()
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    boss = get_user_model().objects.create_superuser("boss")
    found = [_measured(boss, size) for size in (small, large - small)]
    print(f"{connection.vendor}: milliseconds (median of {_TIMES}) and queries of each page")
    print(f"| page | {small:,} | {large:,} | queries |\n|---|---:|---:|---:|")
    failed = False
    for name, few in found[0].items():
        many = found[1][name]
        wrong = many.queries > few.queries or (name.startswith("review") and many.ms > _MOST_MS)
        queries = f"{few.queries}" if few.queries == many.queries else f"{few.queries} → {many.queries}"
        print(f"| {name} | {few.ms:.0f} | {many.ms:.0f} | {queries} |{' !' if wrong else ''}")
        failed |= wrong
    return int(failed)


def _measured(boss: Any, more: int) -> dict[str, Figures]:
    """Fill the shop with so many products more, and return the figures of its pages."""
    from django.db import connection
    from django.test import Client

    _fill(boss, more)
    if connection.vendor != "sqlite":  # other databases do this by themselves
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    client = Client()
    client.force_login(boss)
    return {name: _figures(requests) for name, requests in _requests(client)}


def _figures(requests: Iterator[Request]) -> Figures:
    from django.db import connection

    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
    times, queries = [], []
    for request in requests:
        statements: list[str] = []

        def note(execute: Any, sql: str, *rest: Any, seen: list[str] = statements) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            began = clock()
            response = request()
            times.append((clock() - began) * 1000)
        assert response.status_code in (200, 204), (response, response.request["PATH_INFO"])
        queries.append(len(statements))
    return Figures(statistics.median(times), round(statistics.median(queries)))


def _fill(boss: Any, size: int) -> None:
    """Make products, an enhancement whose results wait for a review, and one whose results are published."""
    from example_project.shop.models import Product
    from product_imagery.models import (
        CreditEntry,
        EnhancementItem,
        ImageVersion,
        ProviderCredential,
        ProviderJob,
        ResultImage,
    )

    have = Product.objects.count()
    numbers = range(have, have + size)
    products = Product.objects.bulk_create(
        (Product(title=f"Mug {n}", sku=f"S{n}", price=1, photo=f"p/{n}.jpg") for n in numbers), batch_size=_BATCH
    )
    local = ProviderCredential.objects.for_provider("local")
    for is_published in (True, False):
        items = _items(boss, local, products, is_published=is_published)
        jobs = ProviderJob.objects.filter(enhancement=items[0].enhancement).order_by("pk")
        rows = enumerate(zip(items, jobs, strict=True))
        results = ResultImage.objects.bulk_create(
            (_result(*pair, n, boss, is_published=is_published) for n, pair in rows), batch_size=_BATCH
        )
        EnhancementItem.objects.rank(items)
        if is_published:
            ImageVersion.objects.bulk_create((_version(one) for one in results), batch_size=_BATCH)
        entries = (
            CreditEntry(credential=local, enhancement=job.enhancement, job=job, kind="reserve", amount=Decimal("0.01"))
            for job in jobs
        )
        CreditEntry.objects.bulk_create(entries, batch_size=_BATCH)


def _items(boss: Any, local: Any, products: list[Any], *, is_published: bool) -> list[Any]:
    """Make a completed enhancement of products, with a job for each."""
    from django.contrib.contenttypes.models import ContentType
    from django.db.models.functions import Now
    from django.utils import timezone

    from example_project.shop.models import Product
    from product_imagery.models import Enhancement, EnhancementItem, ProviderJob

    now = timezone.now()
    enhancement = Enhancement.objects.create(
        operation="upscale", credential=local, actor=boss, channel="admin", status="completed", finished_at=Now()
    )
    jobs = ProviderJob.objects.bulk_create(
        (
            ProviderJob(
                enhancement=enhancement, credential=local, provider="local", operation="upscale", state="done",
                finished_at=now,
            )
            for _ in products
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    kind = ContentType.objects.get_for_model(Product)
    return EnhancementItem.objects.bulk_create(
        (
            EnhancementItem(
                enhancement=enhancement, job=job, content_type=kind, object_id=str(product.pk), label=product.title,
                place=f"shop_product.enhanced_photo:{product.pk}", source_name=str(product.photo), status="completed",
                work_key=f"{is_published}{product.pk}", finished_at=now,
            )
            for product, job in zip(products, jobs, strict=True)
        ),
        batch_size=_BATCH,
    )  # fmt: skip


def _result(item: Any, job: Any, number: int, boss: Any, *, is_published: bool) -> Any:
    """Return a result; of those that wait, one in eight has a warning, and their confidence differs."""
    from product_imagery.models import ResultImage

    facts: dict[str, Any] = {"review": "approved", "publication": "published", "reviewed_by": boss}
    if not is_published:
        facts = {"warnings": ["low_contrast"] if number % 8 == 3 else [], "confidence": 0.4 + number * 7 % 60 / 100}
    return ResultImage(
        item=item, job=job, enhancement=item.enhancement, image=f"r/{number}.jpg", thumbnail=f"r/{number}-t.webp",
        format="jpeg", width=1200, height=900, size=120_000, sha256="0" * 64,
        report={"sharpness": 0.5, "coverage": 0.4, "colours": [0.1] * 20}, **facts,
    )  # fmt: skip


def _version(result: Any) -> Any:
    from product_imagery.models import ImageVersion

    item = result.item
    return ImageVersion(
        result=result, content_type=item.content_type, object_id=item.object_id, place=item.place, label=item.label,
        after_name=f"e/{item.pk}.jpg", after_digest="0" * 64,
    )  # fmt: skip


def _requests(client: Any) -> Iterator[tuple[str, Iterator[Request]]]:
    """Yield the pages: the name of each, and a few requests for it."""
    from django.urls import reverse

    from example_project.shop.models import Product
    from product_imagery.flows.results.review import return_to_review
    from product_imagery.models import Enhancement, ResultImage

    def again(address: str, **headers: str) -> Iterator[Request]:
        return ((lambda: client.get(address, headers=headers)) for _ in range(_TIMES))

    waiting = Enhancement.objects.latest("pk").pk
    product, half = Product.objects.earliest("pk").pk, Product.objects.count() // 2
    review = reverse("admin:product_imagery_enhancement_review")
    run, one = (reverse(f"admin:product_imagery_enhancement_{page}", args=[waiting]) for page in ("change", "review"))
    pending = ResultImage.objects.filter(review="pending").order_by("pk")

    def decisions(step: str, *, large: bool) -> Iterator[Request]:
        for result in pending.reverse()[:_TIMES]:
            address = f"{review}?focus={result.pk}" if large else review
            yield lambda at=address, key=result.pk: client.post(at, {step: key}, headers={"HX-Request": "true"})
            return_to_review(ResultImage.objects.get(pk=result.pk))

    yield "home", again(reverse("admin:product_imagery_home"))
    yield "list of products", again(reverse("admin:shop_product_changelist"))
    chosen = {"action": "enhance_images", "_selected_action": [product], "select_across": "1"}
    start = client.post(reverse("admin:shop_product_changelist"), chosen)["Location"]
    yield "start page", again(f"{start}?preset=larger")
    yield "run page", again(run)
    yield "run page, a poll", again(f"{run}?part=live&parts=&tiles=")
    yield "review queue", again(review)
    yield "review queue, page in the middle", again(f"{review}?page={half // 24 + 1}")
    yield "review queue of one enhancement", again(one)
    yield "review queue, all states", again(f"{review}?show=all")
    yield "review in large, the first", again(f"{review}?focus={pending[0].pk}")
    yield "review in large, in the middle", again(f"{review}?focus={pending[half].pk}")
    for step in ("approve", "reject", "approve_and_publish"):
        yield f"review: {step} a tile", decisions(step, large=False)
        yield f"review: {step} in large", decisions(step, large=True)
    yield "page of a product", again(reverse("admin:shop_product_change", args=[product]))
    yield "pictures of a product", again(reverse("admin:shop_product_imagery_pictures", args=[product]))
    for model in ("enhancement", "enhancementitem", "providerjob", "imageversion", "creditentry", "collection"):
        yield f"list: {model}", again(reverse(f"admin:product_imagery_{model}_changelist"))


if __name__ == "__main__":
    sys.exit(main())
