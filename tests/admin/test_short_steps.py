"""Steps for many pictures are as many short transactions, also where the site makes each request one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from product_imagery.flows.events import outbox
from product_imagery.flows.results import bulk
from product_imagery.models import ResultImage

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_approving_many_locks_nobody_out_for_all_of_them(
    make_product: Any, enlarge: Any, work: Any, person: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enhancement = enlarge(*(make_product(sku=f"n{n}") for n in range(3)))
    work()
    open_transactions: list[int] = []
    monkeypatch.setattr(bulk, "BATCH", 1)
    monkeypatch.setattr(
        outbox, "results_approved", lambda results: open_transactions.append(len(connection.savepoint_ids))
    )
    page = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    client = person("*")
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        client.post(page, {"approve": "ticked", "ticked": list(ResultImage.objects.values_list("pk", flat=True))})
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
    assert open_transactions == [0, 0, 0]  # the outermost one each time: no savepoint inside that of the request
    assert set(ResultImage.objects.values_list("review", flat=True)) == {"approved"}
