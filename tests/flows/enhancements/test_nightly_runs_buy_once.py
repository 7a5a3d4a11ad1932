"""Night after night over the whole shop, at a vendor: what is there is not bought again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from example_project.shop.models import Collection
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import EnhancementItem
from tests.fakes.hosted import Account, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def _night(model: str, *options: str) -> None:
    try:
        look = ["--operation", "white_background", "--credential", "paqshot"]
        call_command("imagery_enhance", model, "--all", "--approve", *look, *options, verbosity=0)
    except CommandError as nothing:
        assert "have this look already" in str(nothing)
    hurry()
    run_slice(until_idle=True)


def _digests() -> set[str]:
    return set(EnhancementItem.objects.filter(status="completed").values_list("source_digest", flat=True))


@pytest.mark.usefixtures("one_field")
@pytest.mark.parametrize("model", ["shop.Product", "shop.Collection"])
def test_three_nights_buy_once_and_another_look_starts_from_the_originals(
    model: str, make_product: Any, gallery: Collection, account: Account, fakes: Fakes
) -> None:
    account("paqshot")
    made = [make_product(), make_product("Blue")]
    photos = [photo.image for photo in gallery.photos.all()]
    fields = [product.photo for product in made] if model == "shop.Product" else photos
    digests = {hashlib.sha256(Path(field.path).read_bytes()).hexdigest() for field in fields}
    bought = []
    for _number in range(3):
        _night(model)
        bought.append(fakes.charged("paqshot"))
    assert bought == [len(fields)] * 3
    _night(model, "--option", "background=off_white")
    assert fakes.charged("paqshot") == 2 * len(fields)
    assert _digests() == digests
