"""The admin in a shop that writes its numbers with separators: what a program reads is never written that way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation

from product_imagery.models import EnhancementItem, ImageVersion, ProviderJob, ResultImage

pytestmark = pytest.mark.django_db

_SEPARATED = re.compile(r"(?<![\w.])\d{1,3}[.,\u00a0\u202f]\d{3}(?![\w.])")
_SHOWN = ("alt", "title", "aria-label", "content", "placeholder", "d")  #: attributes that people see


@pytest.fixture(autouse=True)
def _german(settings: Any) -> Iterator[None]:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = "de"
    with translation.override("de"):
        yield


class _Attributes(HTMLParser):
    """Collects the attributes that are for programs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what looks like a number with separators."""
        self.found += [f"<{tag} {k}={v!r}>" for k, v in attrs if k not in _SHOWN and _SEPARATED.search(v or "")]


def _separated(page: str) -> list[str]:
    parser = _Attributes()
    parser.feed(page)
    return parser.found


def test_everything_can_be_decided_on(
    large_ids: None, make_product: Any, enlarge: Any, work: Any, person: Callable[..., Client]
) -> None:
    products = [make_product(sku=f"n{n}") for n in range(3)]
    enhancement = enlarge(*products)
    work()
    first, second, third = ResultImage.objects.order_by("pk")
    assert enhancement.pk > 1500
    client = person("*")
    review = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    page = client.get(review).content.decode()
    assert _separated(page) == []
    ticked = re.findall(r'name="ticked" value="([^"]+)"', page)
    assert ticked == [str(one.pk) for one in (first, second, third)]
    client.post(review, {"approve_and_publish": "ticked", "ticked": ticked[:2]})
    button = re.search(r'name="reject" value="(\d+)"', client.get(review).content.decode())
    assert button is not None
    client.post(review, {"reject": button[1]})
    assert list(ResultImage.objects.order_by("pk").values_list("review", flat=True)) == [
        "approved",
        "approved",
        "rejected",
    ]
    work()
    assert ImageVersion.objects.count() == 2
    for name, arguments in {
        "enhancement_change": [enhancement.pk],
        "enhancementitem_change": [first.item_id],
        "providerjob_change": [ProviderJob.objects.latest("pk").pk],
        "enhancement_changelist": [],
        "enhancementitem_changelist": [],
        "providerjob_changelist": [],
        "imageversion_changelist": [],
        "creditentry_changelist": [],
        "providercredential_changelist": [],
    }.items():
        shown = client.get(reverse(f"admin:product_imagery_{name}", args=arguments))
        assert shown.status_code == 200
        assert _separated(shown.content.decode()) == [], name


def test_pages_beyond_a_thousand_lead_on() -> None:
    page = Paginator(range(20_000), 10).page(1500)
    shown = render_to_string("admin/product_imagery/pages.html", {"page": page, "chosen": "all"})
    assert re.findall(r"page=([^\"&]+)", shown) == ["1499", "1501"]


def test_a_bar_of_many_pictures_is_one_number(make_product: Any, enlarge: Any, person: Callable[..., Client]) -> None:
    enhancement = enlarge(make_product())
    item = EnhancementItem.objects.get()
    more = [
        EnhancementItem(
            enhancement=enhancement,
            content_type=item.content_type,
            object_id=str(n),
            status="failed",
            finished_at=item.enhancement.created_at,
            work_key=str(n),
        )
        for n in range(1200)
    ]
    EnhancementItem.objects.bulk_create(more)
    page = person("*").get(reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])).content.decode()
    assert '<progress max="1201" value="1200"' in page
    assert _separated(page) == []
