"""Retention: texts that people wrote are deleted after the time that the shop has set; pictures and money stay."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from example_project.shop.models import Product
from product_imagery.exceptions import RequestError
from product_imagery.flows.previews import small_copy
from product_imagery.flows.results import review
from product_imagery.flows.worker import maintenance
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ImageVersion,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
)
from product_imagery.storage.store import results_storage
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
from tests.fakes.webhooks import deliver, url_of

pytestmark = pytest.mark.django_db

_CANARY = "a canary in the prompt"


class TestPurge:
    """H10."""

    @pytest.fixture
    def done(self, account: Account, order: Order, client: Client) -> Enhancement:
        """An enhancement that ended forty days ago, with a prompt, on its product."""
        credential = account("productai")
        enhancement = order(credential, options={"prompt": _CANARY}, auto_approve=True)
        EnhancementItem.objects.update(external_id=_CANARY)
        hurry()
        ResultImage.objects.update(review_note=_CANARY)
        told = json.dumps({"prompt": _CANARY, "job_id": "7"}).encode()
        assert deliver(client, url_of(credential), told, {}) == 200
        long_ago = timezone.now() - timedelta(days=40)
        Enhancement.objects.update(finished_at=long_ago)
        WebhookDelivery.objects.update(received_at=long_ago)
        return enhancement

    def test_purge_leaves_the_text_in_no_table(self, done: Enhancement) -> None:
        assert _tables_with(_CANARY)
        out = StringIO()
        call_command("imagery_purge", "--days", "41", stdout=out)
        call_command("imagery_purge", "--days", "30", "--dry-run", stdout=out)
        assert _tables_with(_CANARY)
        call_command("imagery_purge", "--days", "30", "--json", stdout=out)
        assert '"enhancements": 1' in out.getvalue()
        assert _tables_with(_CANARY) == []
        assert ResultImage.objects.get().image.size > 0
        assert ImageVersion.objects.get().after_name

    def test_workers_purge_only_where_the_setting_says_so(self, done: Enhancement, settings: Any) -> None:
        maintenance.clear_up()
        assert _tables_with(_CANARY)
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RETENTION_DAYS": 30}
        maintenance.clear_up()
        assert _tables_with(_CANARY) == []

    def test_options_that_are_no_text_stay(self, done: Enhancement) -> None:
        """Each job has options of its own, such as another seed."""
        job = ProviderJob.objects.get()
        ProviderJob.objects.update(options={**job.options, "seed": 42})
        call_command("imagery_purge", "--days", "30", stdout=StringIO())
        job.refresh_from_db()
        assert (job.options["seed"], job.options["model"], job.options["prompt"]) == (42, "nanobanana", "")
        assert "seed" not in Enhancement.objects.get().options

    def test_work_without_its_prompt_is_not_bought_again(self, done: Enhancement, fakes: Fakes) -> None:
        call_command("imagery_purge", "--days", "30", stdout=StringIO())
        with pytest.raises(RequestError, match="forgotten"):
            review.regenerate(ResultImage.objects.get(), actor=None)
        hurry()
        assert fakes.charged("productai") == 1

    def test_purge_without_a_time_is_refused(self) -> None:
        with pytest.raises(CommandError, match="--days"):
            call_command("imagery_purge")


class TestSmallPictures:
    """They can always be made again, so old ones are deleted."""

    @pytest.fixture
    def shown(self, make_product: Any) -> list[str]:
        """Names of two small copies, of which the first was made a hundred days ago."""
        names = [small_copy(_PHOTO, make_product(name=f"{n}.jpg").photo.name, side) for n, side in enumerate((80, 90))]
        long_ago = time.time() - 100 * 86_400
        os.utime(results_storage().path(names[0]), (long_ago, long_ago))
        return names

    def test_a_dry_run_counts_what_would_be_deleted(self, shown: list[str]) -> None:
        assert _purge("--previews", "--dry-run") == {"preview_days": 90, "previews": 1, "deleted": False}
        assert _purge("--previews", "120", "--dry-run")["previews"] == 0
        assert _purge("--previews", "0", "--dry-run")["previews"] == 2
        assert _kept(shown) == [True, True]

    def test_old_ones_are_deleted_and_made_again_when_shown(self, shown: list[str]) -> None:
        assert _purge("--previews") == {"preview_days": 90, "previews": 1, "deleted": True}
        assert _kept(shown) == [False, True]
        product = Product.objects.earliest("pk")
        assert small_copy(_PHOTO, str(product.photo.name), 80) == shown[0]
        assert _kept(shown) == [True, True]
        assert product.photo.size > 0

    def test_workers_delete_them_unless_the_setting_forbids_it(self, shown: list[str], settings: Any) -> None:
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "PREVIEW_DAYS": 0}
        maintenance.clear_up()
        assert _kept(shown) == [True, True]
        with pytest.raises(CommandError, match="--previews N"):
            call_command("imagery_purge", "--previews")
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "PREVIEW_DAYS": 99}
        maintenance.clear_up()
        assert _kept(shown) == [False, True]

    def test_both_can_be_purged_at_once(self, shown: list[str]) -> None:
        out = StringIO()
        call_command("imagery_purge", "--days", "30", "--previews", stdout=out)
        assert "0 enhancements" in out.getvalue()
        assert "1 small pictures" in out.getvalue()


_PHOTO: Any = Product._meta.get_field("photo")


def _purge(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("imagery_purge", *arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


def _kept(names: list[str]) -> list[bool]:
    return [results_storage().exists(name) for name in names]


def _tables_with(text: str) -> list[str]:
    """Names of our tables that hold the text anywhere."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("product_imagery"):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows = [bytes(cell) if isinstance(cell, memoryview) else cell for row in cursor for cell in row]
                found += [table] if text in repr(rows) else []
    return found
