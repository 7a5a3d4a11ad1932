"""``imagery_remote``: what lies at a provider besides jobs, and what our jobs left there."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from product_imagery.models import LimitUse, ProviderJob
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def _run(*arguments: Any, **options: Any) -> str:
    target = StringIO()
    call_command("imagery_remote", *map(str, arguments), stdout=target, **options)
    return target.getvalue()


def test_what_there_is_at_each_provider(account: Account) -> None:
    for provider in ("aigenstudio", "productai", "paqshot", "pergai"):
        account(provider)
    assert json.loads(_run("pergai", "--json"))["collections"][-1] == "download"
    assert "single_product_white_background" in _run("aigenstudio", "list", "presets")
    assert json.loads(_run("pergai", "list", "templates", "--json")) == [{"name": "studio"}, {"name": "nature"}]


def test_every_list_and_picture_can_be_looked_at(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot"))
    order(account("productai"))
    hurry()
    made = {one.provider: one.id for one in fakes.created}
    assert made["paqshot"] in _run("paqshot", "list", "generations", "limit=5", "status=completed")
    assert json.loads(_run("paqshot", "show", "generation", made["paqshot"]))["status"] == "completed"
    assert json.loads(_run("productai", "show", "job", made["productai"]))["data"]["status"] == "COMPLETED"


def test_a_collection_from_its_making_to_its_zip(account: Account, order: Order, fakes: Fakes, tmp_path: Path) -> None:
    order(account("pergai"), 2)
    hurry()
    made = json.loads(_run("pergai", "create", "collections", "name=Spring"))["id"]
    for one in fakes.created:
        _run("pergai", "add", "collections", made, f"generationId={one.id}")
    fakes.fail("pergai.create", "status", status=409)
    _run("pergai", "add", "collections", made, f"generationId={fakes.created[0].id}")  # it is in there already
    assert "2 files" in _run("pergai", "download", "collections", made, to=tmp_path / "spring.zip")
    with zipfile.ZipFile(tmp_path / "spring.zip") as archive:
        assert archive.testzip() is None
        assert archive.read(archive.namelist()[0]) == fakes.picture
    assert "Spring" in _run("pergai", "list", "collections")
    _run("pergai", "delete", "collections", made)
    assert fakes["pergai"].collections == {}


def test_what_cannot_be_done_is_said(account: Account, fakes: Fakes, tmp_path: Path) -> None:
    account("pergai")
    for arguments, sentence in (
        (("list", "sheep"), "has no sheep. It has: products"),
        (("delete", "templates", "x"), "cannot delete templates. It can: list"),
        (("create", "products", "name=Mug"), "takes name, category, imagePath: category is missing"),
        (("show", "products"), "give its id"),
        (("show", "generations", "../../products"), "HTTP 404"),
        (("list",), "Choose a resource"),
    ):
        with pytest.raises(CommandError, match=sentence):
            _run("pergai", *arguments)
    with pytest.raises(CommandError, match="no account “nobody”"):
        _run("nobody")
    fakes.fail("pergai.read", "status", status=200, body=b"<html>Log in</html>")
    with pytest.raises(CommandError, match="is no ZIP"):
        _run("pergai", "download", "collections", "any", to=tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_calls_count_against_the_limits(account: Account, fakes: Fakes) -> None:
    account("pergai", own_limits={"requests": [2, 60]})
    _run("pergai", "list", "templates")
    _run("pergai", "list", "templates")
    with pytest.raises(CommandError, match="limit is reached"):
        _run("pergai", "list", "templates")
    assert len(fakes.calls) == 2
    assert LimitUse.objects.count() == 2


def test_clearing_up_takes_only_what_our_ended_jobs_made(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("pergai"), 3)
    hurry()
    fakes["pergai"].products.append({"id": "theirs", "name": "A mug of their own"})
    assert "Our jobs left nothing" in _run("pergai", "clear-up")
    old = ProviderJob.objects.order_by("pk")[:2]
    ProviderJob.objects.filter(pk__in=[job.pk for job in old]).update(finished_at=timezone.now() - timedelta(days=40))
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert "Nothing was deleted" in _run("pergai", "clear-up")
    assert len(fakes["pergai"].products) == 4
    assert "2 deleted" in _run("pergai", "clear-up", "--yes")
    assert {one["name"] for one in fakes["pergai"].products} == {
        "A mug of their own",
        f"pi-{ProviderJob.objects.last().uuid}",
    }
