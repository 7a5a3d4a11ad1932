"""The entry page over HTTP: what runs, what waits for whom, charts with tables and CSV, the banner of a standstill."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
)
from product_imagery.models.db_time import from_now
from product_imagery.states import Publication
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db
Person = Callable[..., Client]
_HOME = "admin:product_imagery_home"


def _home(client: Client) -> str:
    response = client.get(reverse(_HOME))
    assert response.status_code == 200
    return response.content.decode()


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def _csv(client: Client, name: str) -> list[list[str]]:
    response = client.get(reverse("admin:product_imagery_home_csv", args=[name]))
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]


def test_an_empty_shop_is_told_how_to_begin(person: Person) -> None:
    page = _text(_home(person("*")))
    assert "Nothing is running. Select products" in page
    assert "Nothing is waiting for review." in page
    assert "Nothing yet." in page


def test_it_needs_the_permission_to_look(person: Person) -> None:
    for name in (_HOME, "admin:product_imagery_home_csv"):
        address = reverse(name, args=["pictures"] if "csv" in name else [])
        response = person("view_product").get(address)
        assert response.status_code == 403
        assert "Can view enhancement" in response.content.decode()
        assert person("view_product", "view_enhancement").get(address).status_code == 200
        assert Client().get(address).status_code == 302


def test_what_runs_and_what_waits_for_a_review(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client = person("*")
    done = enlarge(make_product(), make_product())
    work()
    enlarge(make_product())
    page = _home(client)
    assert re.search(r"<b>1</b>\s*running", page)
    assert re.search(r"<b>2</b>\s*to review", page)
    assert "Review 2 pictures" in page
    assert reverse("admin:product_imagery_enhancement_review", args=[done.pk]) in page


def test_what_needs_a_person_is_listed_with_its_button(stalled: ProviderJob, person: Person) -> None:
    account = ProviderCredential.objects.get()
    EnhancementItem.objects.update(status="processing")
    ProviderJob.objects.update(state="queued", due_at=from_now(60))
    account.pause("The balance is used up.", stops_reads=False)
    delivery = WebhookDelivery.objects.create(credential=account, body=b"", set_aside_at=from_now(0))
    client = person("*")
    page = _home(client)
    assert "The balance is used up." in page
    assert "1 call of a provider could not be processed" in page
    assert 'name="resume"' in page
    client.post(reverse(_HOME), {"resume": account.pk})
    account.refresh_from_db()
    assert account.paused_at is None
    delivery.delete()
    EnhancementItem.objects.update(status="stalled")
    ProviderJob.objects.update(state="stalled")
    page = _home(client)
    assert "1 lost call needs a decision" in _text(page)
    assert f"{reverse('admin:product_imagery_enhancement_change', args=[stalled.enhancement_id])}#run-decisions" in page
    looker = person("view_product", "view_enhancement")
    assert "Can decide what became of a lost request" in _home(looker)
    assert looker.post(reverse(_HOME), {"resume": account.pk}).status_code == 403


def test_refused_publications_need_a_person(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    started = enlarge(make_product())
    work()
    ResultImage.objects.update(review="approved", publication=Publication.CONFLICT, publication_note="It changed.")
    page = _home(person("*"))
    assert "1 picture could not be published" in _text(page)
    assert f'{reverse("admin:product_imagery_enhancement_review", args=[started.pk])}?show=refused"' in page


def test_charts_are_tables_and_csv(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client = person("*")
    enlarge(make_product(), make_product(), make_product(content=b"x"))
    work()
    page = _home(client)
    assert "data-chart=" in page
    assert "66.7" in page
    assert _csv(client, "pictures")[0] == ["day", "This machine"]
    assert _csv(client, "pictures")[-1][1] == "2"
    assert len(_csv(client, "success")) == 31
    assert _csv(client, "success")[-1][1] == "66.7"
    assert float(_csv(client, "time")[-1][1]) >= 0
    assert client.get(reverse("admin:product_imagery_home_csv", args=["none"])).status_code == 404


def test_credits_need_the_permission_to_see_money(account: Account, order: Order, fakes: Fakes, person: Person) -> None:
    order(account("productai", label="=Main", budget_day=50), 2)
    hurry()
    rows = _csv(person("*"), "credits")
    assert rows[0][1].startswith("'=Main")
    assert rows[-1][1:] == ["6.0", "50.0"]
    thrifty = person("view_product", "view_enhancement")
    assert "Credits a day" not in _home(thrifty)
    assert thrifty.get(reverse("admin:product_imagery_home_csv", args=["credits"])).status_code == 404


def test_what_the_shop_hides_is_not_counted(
    make_product: Any, enlarge: Any, work: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(self: Any, request: HttpRequest) -> QuerySet[Product]:
        return Product.objects.filter(category="bob")

    enlarge(make_product("alice secret", category="alice"))
    enlarge(make_product("bob mug", category="bob"))
    work()
    monkeypatch.setattr(type(admin.site.get_model_admin(Product)), "get_queryset", rows, raising=False)
    client = person("view_product", "view_enhancement")
    assert re.search(r"<b>1</b>\s*to review", _home(client))
    assert _csv(client, "pictures")[-1][1] == "1"


def test_a_standstill_is_said_on_every_page(make_product: Any, enlarge: Any, person: Person) -> None:
    enhancement = enlarge(make_product())
    client = person("*")
    pages = [reverse(f"admin:product_imagery_{name}_changelist") for name in ("enhancement", "preset", "creditentry")]
    pages += [reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])]
    item = EnhancementItem.objects.get()
    pages += [reverse("admin:product_imagery_enhancementitem_change", args=[item.pk])]
    pages += [reverse("admin:product_imagery_providerjob_change", args=[item.job_id])]
    pages += [reverse("admin:app_list", args=["product_imagery"])]
    for page in pages:
        assert "No worker is running" not in client.get(page).content.decode()
    ProviderJob.objects.update(due_at=from_now(-120))
    for page in pages:
        text = client.get(page).content.decode()
        assert "No worker is running" in text, page
        assert reverse(_HOME) in text
    change = client.get(reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])).content.decode()
    assert change.count("No worker is running") == 2  # the reason, and the line for screen readers


def test_tables_for_operators_are_not_in_the_index_of_a_merchant(person: Person) -> None:
    index = reverse("admin:app_list", args=["product_imagery"])
    merchant = person("start_enhancement", "review_resultimage", "view_product").get(index).content.decode()
    operator = person("*").get(index).content.decode()
    for name in ("enhancementitem", "providerjob", "workertrouble"):
        address = reverse(f"admin:product_imagery_{name}_changelist")
        assert address not in merchant
        assert address in operator
    assert reverse("admin:product_imagery_enhancement_changelist") in merchant


def test_the_queries_do_not_grow_with_the_rows(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client = person("*")
    enlarge(make_product(), make_product(content=b"x"))
    work()

    def queries() -> int:
        enlarge(make_product())
        with CaptureQueriesContext(connection) as captured:
            _home(client)
        return len(captured)

    few = queries()
    item = EnhancementItem.objects.filter(status="completed")[0]
    result = ResultImage.objects.get()
    fields = {"job": item.job, "content_type": item.content_type, "status": "completed", "finished_at": from_now(0)}
    shown = {"image": result.image, "thumbnail": result.thumbnail, "width": 1, "height": 1, "size": 1}
    others = Enhancement.objects.bulk_create(
        Enhancement(operation="upscale", credential=item.enhancement.credential, channel="admin") for _ in range(20)
    )
    items = EnhancementItem.objects.bulk_create(
        EnhancementItem(enhancement=others[n % 20], object_id=str(n), label=f"n{n}", **fields) for n in range(1000)
    )
    ResultImage.objects.bulk_create(
        ResultImage(item=one, enhancement_id=one.enhancement_id, job=one.job, **shown) for one in items
    )
    assert queries() == few
