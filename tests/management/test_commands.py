"""The commands as an operator types them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from example_project.shop.models import Product
from product_imagery.models import Enhancement, ProviderCredential, ProviderJob
from product_imagery.provider_kit.registry import all_providers

Make = Callable[..., Product]


def _run(name: str, *arguments: str, code: int = 0) -> str:
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=out)
    except SystemExit as error:
        assert error.code == code
    else:
        assert code == 0
    return out.getvalue()


def _json(name: str, *arguments: str, code: int = 0) -> Any:
    return json.loads(_run(name, *arguments, "--json", code=code))


def test_enhance_to_the_end(make_product: Make) -> None:
    make_product()
    told = _json("imagery_enhance", "shop.Product", "--all", "--operation", "upscale", "--option", "factor=2",
                 "--approve", "--wait")  # fmt: skip
    assert (told["status"], told["completed"]) == ("completed", 1)
    assert Product.objects.get().enhanced_photo
    assert Enhancement.objects.get().channel == "command"


def test_enhance_says_which_pictures_failed_and_exits_with_one(make_product: Make) -> None:
    make_product("Broken", content=b"x")
    text = _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger", "--wait", code=1)
    assert "Broken: The file is not a picture" in text


def test_a_dry_run_counts_and_does_nothing(make_product: Make) -> None:
    make_product()
    told = _json("imagery_enhance", "shop.Product", "--all", "--preset", "white", "--dry-run")
    assert (told["to_do"], told["cost"]) == (1, "0")
    assert "to do" in _run("imagery_enhance", "shop.Product", "--all", "--preset", "white", "--dry-run")
    assert not Enhancement.objects.exists()


def test_choosing_by_ids_and_by_filter(make_product: Make) -> None:
    first, _second = make_product("One"), make_product("Two")
    told = _json("imagery_enhance", "shop.Product", "--ids", f"{first.pk}", "--preset", "larger")
    assert told["total"] == 1
    told = _json("imagery_enhance", "shop.Product", "--filter", "title=Two", "--preset", "larger")
    assert told["total"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shop.Nothing", "--all", "--preset", "white"], "There is no model shop.Nothing"),
        (["auth.User", "--all", "--preset", "white"], "is not registered"),
        (["shop.Product", "--all", "--preset", "whyte"], "There is no preset “whyte”"),
        (["shop.Product", "--all", "--operation", "edit"], "These can: AI Gen Studio"),
        (["shop.Product", "--all", "--operation", "upscale", "--option", "factor=9"], "write one of 2, 4"),
        (["shop.Product", "--all", "--operation", "upscale", "--option", "factor"], "is not KEY=VALUE"),
        (["shop.Product", "--ids", "one", "--preset", "white"], "cannot be selected like this"),
        (["shop.Product", "--filter", "colour=red", "--preset", "white"], "cannot be selected like this"),
        (["shop.Product", "--all", "--preset", "white", "--credential", "Nobody"], "no account “Nobody”"),
        (["shop.Product", "--all", "--preset", "white"], "None of the selected products has a picture"),
    ],
)
def test_wrong_arguments_are_explained(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("imagery_enhance", *arguments)


def test_status_retry_cancel(make_product: Make) -> None:
    make_product(content=b"x")
    _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger")
    pk = str(Enhancement.objects.get().pk)
    assert _json("imagery_cancel", pk)["pictures"] == 1
    assert _json("imagery_retry", pk)["pictures"] == 1
    assert "1 jobs done" in _run("imagery_worker", "--until-idle")
    told = _json("imagery_status", pk)
    assert (told["status"], told["failed"]) == ("failed", 1)
    assert told["troubled"][0]["error_code"] == "not_an_image"
    assert _json("imagery_status")[0]["id"] == int(pk)
    assert "failed" in _run("imagery_status", pk)
    with pytest.raises(CommandError, match="ended already"):
        call_command("imagery_cancel", pk)
    for name in ("imagery_status", "imagery_retry", "imagery_cancel"):
        with pytest.raises(CommandError, match="There is no enhancement 0"):
            call_command(name, "0")


@pytest.mark.django_db
def test_a_worker_without_work_ends(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"SLICE_SECONDS": 0.1}
    assert "0 jobs done" in _run("imagery_worker", "--once")


def test_the_provider_table_is_the_declarations() -> None:
    told = _json("imagery_providers")
    assert {(fact["provider"], fact["operation"]) for fact in told} == {
        (slug, str(operation)) for slug, provider in all_providers().items() for operation in provider.offers
    }
    assert "fill: a number from 0.2 to 1 (default 0.88)" in _run("imagery_providers")


def test_the_model_command(model_file: Path) -> None:
    assert _json("imagery_model", "fetch")[0]["ok"]
    assert "verified" in _run("imagery_model", "verify")
    assert {fact["name"]: fact["state"] for fact in _json("imagery_model", "list")}["u2netp"] == "verified"


def test_the_model_command_fails_where_the_file_is_missing(settings: Any, tmp_path: Path) -> None:
    settings.PRODUCT_IMAGERY = {"MODEL_FOLDER": str(tmp_path)}
    assert _json("imagery_model", "list")[0]["state"] == "missing"
    with pytest.raises(CommandError, match="imagery_model fetch"):
        call_command("imagery_model", "verify")


def test_the_doctor_finds_a_healthy_shop_healthy(db: None, model_file: Path) -> None:
    assert all(finding["ok"] for finding in _json("imagery_doctor"))


def test_the_doctor_notices_work_that_nobody_moves(make_product: Make, model_file: Path) -> None:
    make_product()
    _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger")
    ProviderJob.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    findings = {finding["what"]: finding for finding in _json("imagery_doctor", code=1)}
    assert not findings["workers"]["ok"]
    assert "restart the workers" in findings["workers"]["detail"]


def test_the_doctor_notices_a_broken_storage(db: None, model_file: Path, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"
    findings = {finding["what"]: finding for finding in _json("imagery_doctor", code=1)}
    assert not findings["storage"]["ok"]


def test_the_doctor_names_accounts_that_cannot_work(db: None, model_file: Path, settings: Any) -> None:
    """H9: a key that cannot be read, and a pause that somebody has to end."""
    for label in ("lost", "paused"):
        credential = ProviderCredential(provider="productai", label=label)
        credential.set_secret("a key of somebody")
        credential.save()
    credential.pause("The account has no tokens left.", stops_reads=False)
    details = [finding["detail"] for finding in _json("imagery_doctor", code=1) if finding["what"] == "accounts"]
    assert details == ["paused is paused: The account has no tokens left."]
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
    details = [finding["detail"] for finding in _json("imagery_doctor", code=1) if finding["what"] == "accounts"]
    assert [detail.split(":")[0] for detail in details] == ["lost", "paused"]
    assert "Enter the key again" in details[0]


@pytest.mark.parametrize("budget", ["-5", "NaN", "Infinity"])
def test_a_budget_that_is_no_amount_is_refused_in_a_sentence(budget: str, make_product: Callable[..., Product]) -> None:
    make_product()
    with pytest.raises(CommandError, match="A budget is a number from 0"):
        call_command("imagery_enhance", "shop.Product", "--all", "--operation", "upscale", f"--budget={budget}")
    assert not Enhancement.objects.exists()
