"""The list of results in the API, at a thousand and at a million rows: python -m tests.benchmarks.lists [--rows N]

Prints queries and the 95th percentile of each page at both sizes and their ratio, and requests a second beside a bare
DRF view that answers the same JSON. On the database of ``DATABASE_URL``, or SQLite; the rows are left there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_BASE = "/imagery/api/v1/"
_TIMES = 100
_PER_ENHANCEMENT = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="imagery-lists-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        import django

        django.setup()
        return _run(rows)


def _run(rows: int) -> int:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    from product_imagery.models import ApiKey

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    boss = get_user_model().objects.create_superuser("boss")
    _, text = ApiKey.objects.issue(owner=boss, name="all", scopes=["read"], requests_per_minute=10_000_000)
    measured = []
    for size in (1000, rows):
        _fill(boss, size)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        pages = _pages(text, size)
        measured.append({name: _measure(text, page) for name, page in pages.items()})
    print(f"{connection.vendor}: p95 in ms and queries of a page at 1,000 and {rows:,} rows")
    for name, (small, queries) in measured[0].items():
        large, many = measured[1][name]
        print(f"  {name:<38} {small:7.2f} {large:7.2f}  × {large / small:4.2f}   {queries} and {many} queries")
    ours, bare = _beside_a_bare_view(text)
    print(f"  requests a second: {ours:.0f}, a bare DRF view with the same JSON {bare:.0f}: {ours / bare:.2f}")
    return 0


def _fill(owner: Any, size: int) -> None:
    """Rows until there are so many, ten thousand in an enhancement; a third is approved, one in a thousand rejected."""
    from django.contrib.contenttypes.models import ContentType
    from django.db.models.functions import Now

    from example_project.shop.models import Product
    from product_imagery.models import Enhancement, EnhancementItem, ProviderCredential, ResultImage

    credential = ProviderCredential.objects.for_provider("local")
    product = ContentType.objects.get_for_model(Product)
    have = Enhancement.objects.count()
    Enhancement.objects.bulk_create(
        Enhancement(
            operation="upscale",
            credential=credential,
            actor=owner,
            channel="api",
            status="completed",
            finished_at=Now(),
        )
        for _ in range(have, size // _PER_ENHANCEMENT + 1)
    )
    if not EnhancementItem.objects.exists():
        EnhancementItem.objects.create(
            enhancement=Enhancement.objects.earliest("pk"), content_type=product, object_id="1", label="Product",
            source_name="a.jpg", work_key="0", status="completed", finished_at=Now(),
        )  # fmt: skip
        ResultImage.objects.create(
            item=EnhancementItem.objects.get(), enhancement=Enhancement.objects.earliest("pk"), owner=owner,
            image="r/a.jpg", thumbnail="r/t.jpg", format="JPEG", width=800, height=800, size=80_000, sha256="0" * 64,
        )  # fmt: skip
    first = Enhancement.objects.earliest("pk").pk
    have = ResultImage.objects.count()
    while have < size:
        some = min(have, size - have)
        number = f"(id + {have})"
        in_one = f"{first} + {number} / {_PER_ENHANCEMENT}"
        _copy(EnhancementItem, some, {
            "id": number, "external_id": f"'sku-' || {number}", "work_key": f"CAST({number} AS TEXT)",
            "enhancement_id": in_one,
        })  # fmt: skip
        review = (
            f"CASE WHEN {number} % 1000 = 0 THEN 'rejected' WHEN {number} % 3 = 0 THEN 'approved' ELSE 'pending' END"
        )
        published = (
            f"CASE WHEN {number} % 1000 = 0 OR {number} % 3 > 0 THEN 'none' "
            f"WHEN {number} % 15000 = 9 THEN 'conflict' ELSE 'published' END"
        )
        changes = {
            "id": number,
            "item_id": f"item_id + {have}",
            "enhancement_id": in_one,
            "review": review,
            "publication": published,
        }
        _copy(ResultImage, some, changes)
        have += some


def _copy(model: Any, some: int, changes: dict[str, str]) -> None:
    """Copy the first so many rows inside the database, some columns changed: a million objects would take long."""
    from django.db import connection

    own = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}[connection.vendor]
    columns = [field.column for field in model._meta.concrete_fields]
    chosen = ", ".join({"uuid": own, **changes}.get(column, f'"{column}"') for column in columns)
    table, names = model._meta.db_table, ", ".join(f'"{column}"' for column in columns)
    first = model.objects.earliest("pk").pk
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {chosen} FROM "{table}" WHERE id < {first + some}')


def _pages(text: str, size: int) -> dict[str, str]:
    """Addresses of lists: a cursor from the middle is found by its key."""
    from product_imagery.api.pagination import cursor_of
    from product_imagery.models import EnhancementItem, ResultImage

    middle = ResultImage.objects.order_by("pk")[size // 2]
    external = EnhancementItem.objects.order_by("pk")[size // 3].external_id
    return {
        "first page": "generations?limit=20",
        "cursor from the middle": f"generations?limit=20&cursor={cursor_of(middle)}",
        "review=rejected (one in 1,000)": "generations?limit=20&review=rejected",
        "publication=conflict (one in 10,000)": "generations?limit=20&publication=conflict",
        "external_id": f"generations?limit=20&external_id={external}",
        "one enhancement": f"generations?limit=20&enhancement={middle.item.enhancement.uuid}",
        "enhancements": "enhancements?limit=20",
    }


def _measure(text: str, page: str) -> tuple[float, int]:
    """(95th percentile in ms, queries) of a page."""
    from django.db import connection
    from django.test import Client

    client = Client(headers={"Authorization": f"Bearer {text}"})
    assert client.get(_BASE + page).status_code == 200
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        client.get(_BASE + page)
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        client.get(_BASE + page)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(times, n=20)[-1], len(statements)


def _beside_a_bare_view(text: str) -> tuple[float, float]:
    """Requests a second of ours and of a view that renders the same answer, already made, without database."""
    from django.test import Client, RequestFactory
    from rest_framework.response import Response
    from rest_framework.views import APIView

    client = Client(headers={"Authorization": f"Bearer {text}"})
    page = _BASE + "generations?limit=20"
    content = json.loads(client.get(page).content)

    class Bare(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request: Any) -> Response:
            return Response(content)

    view = Bare.as_view()
    factory = RequestFactory()

    def rate(call: Any) -> float:
        began = time.perf_counter()
        for _ in range(_TIMES):
            call()
        return _TIMES / (time.perf_counter() - began)

    return rate(lambda: client.get(page)), rate(lambda: view(factory.get(page)).render())


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
