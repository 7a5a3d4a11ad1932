"""Odd input to the admin's pages: an answer that says so, never an error of the server."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from product_imagery.models import ResultImage

pytestmark = pytest.mark.django_db

_LISTS = ("enhancement", "enhancementitem", "providerjob", "imageversion", "creditentry", "webhookdelivery")


@pytest.mark.parametrize("kind", ["providerjob", "enhancement", "enhancementitem", "imageversion"])
@pytest.mark.parametrize("key", ["abc", "\u00b2", "9" * 30, "a%00b", "1.5"])
def test_a_key_that_cannot_be_one_is_not_found(kind: str, key: str, person: Any) -> None:
    answer = person("*").get(f"/admin/product_imagery/{kind}/{key}/change/", follow=True)
    assert answer.status_code in (200, 404)
    assert answer.status_code == 404 or "doesn\u2019t exist" in answer.content.decode()


@pytest.mark.parametrize("value", ["\u00b2", "9" * 30, "", "-1", "1e3", "a\0b"])
@pytest.mark.parametrize("step", ["approve", "reject", "publish", "approve_and_publish"])
def test_a_result_that_cannot_be_one_changes_nothing(
    step: str, value: str, person: Any, make_product: Any, enlarge: Any, work: Any
) -> None:
    enhancement = enlarge(make_product())
    work()
    page = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    client = person("*")
    for sent in ({step: value}, {step: "ticked", "ticked": [value]}):
        assert "Tick at least one picture" in client.post(page, sent, follow=True).content.decode()
    assert ResultImage.objects.get().review == "pending"


@pytest.mark.parametrize("kind", _LISTS)
@pytest.mark.parametrize("name", ["status__exact", "q", "id__exact", "o", "p"])
def test_a_filter_that_no_database_can_look_for_is_dropped(kind: str, name: str, person: Any) -> None:
    path = reverse(f"admin:product_imagery_{kind}_changelist")
    assert person("*").get(path, {name: "\0"}, follow=True).status_code == 200
