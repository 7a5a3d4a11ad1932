"""G3, G4: rows of another owner are not found. Generated from the schema: every operation, with foreign ids in its URL
and its body.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers

from product_imagery.models import EventDelivery, ResultImage
from tests.api.conftest import Caller
from tests.api.schema_file import generate
from tests.fakes.shop_side import OtherSide

pytestmark = pytest.mark.django_db

_WITHOUT_IDS = {"/presets", "/operations", "/providers", "/templates", "/usage"}
#: tables that the stranger's own requests change
_OWN = ("apikey", "rateuse", "storedanswer", "user", "session", "logentry")


def _operations() -> list[tuple[str, str]]:
    return [(method, path) for path, all in generate()["paths"].items() for method in all]


def _bodies(theirs: dict[str, str]) -> dict[str, Any]:
    """Bodies with foreign ids, for each operation that takes one."""
    asked = {"operation": "upscale", "images": [{"product": theirs["identity"]}]}
    tool = {"product": theirs["identity"]}
    return {
        "/enhancements": asked,
        "/quote": asked,
        "/tools/remove-bg": tool,
        "/tools/upscale": tool,
        "/tools/expand": tool,
        "/collections": {"name": "Mine", "generations": [theirs["generation"]]},
        "/collections/{uuid}/generations": {"generations": [theirs["generation"]]},
        "/products": {"product": theirs["identity"]},
        "/webhook-endpoints": {"url": "http://127.0.0.1:1/"},
        "/generations/{uuid}/approve": {"publish": True},
    }


@pytest.fixture
def theirs(
    caller: Callable[..., Caller], side: OtherSide, work: Callable[[], Any], draw_upload: Callable[[Caller], str]
) -> dict[str, str]:
    """Ids of one row of each kind of an owner."""
    one = caller("owner")
    identity = draw_upload(one)
    endpoint = one.post("webhook-endpoints", {"url": side.address}).json()["webhook_endpoint"]["id"]
    work()
    asked = {"operation": "upscale", "approve": True, "images": [{"product": identity}]}
    enhancement = one.post("enhancements", asked).json()["enhancement"]["id"]
    work()
    generation = str(ResultImage.objects.get().uuid)
    collection = one.post("collections", {"name": "All", "generations": [generation]}).json()["collection"]["id"]
    return {
        "identity": identity,
        "enhancements": enhancement,
        "generations": generation,
        "generation": generation,
        "result": generation,
        "collections": collection,
        "webhook-endpoints": endpoint,
        "delivery": str(EventDelivery.objects.latest("pk").uuid),
    }


def _address(path: str, theirs: dict[str, str]) -> str:
    kind = path.split("/")[1]
    filled = path.replace("{uuid}", theirs.get(kind, ""))
    for name in ("identity", "result", "delivery"):
        filled = filled.replace(f"{{{name}}}", theirs[name])
    return filled.lstrip("/")


def _everything() -> str:
    models = [model for model in apps.get_models() if model._meta.model_name not in _OWN]
    return "".join(serializers.serialize("json", model._base_manager.order_by("pk")) for model in models)


@pytest.mark.parametrize("who", ["stranger", "the owner's test key"])
def test_no_operation_reaches_rows_of_another_owner(
    who: str, theirs: dict[str, str], caller: Callable[..., Caller]
) -> None:
    other = caller("stranger") if who == "stranger" else caller("owner", is_test=True)
    before = _everything()
    tried = 0
    for method, path in _operations():
        address, body = _address(path, theirs), _bodies(theirs).get(path, {})
        response = getattr(other, method)(address, body) if method == "post" else getattr(other, method)(address)
        tried += 1
        if path in _WITHOUT_IDS:
            assert response.status_code == 200
            continue
        content = json.dumps(response.json())
        if "{" in path:
            assert response.status_code == 404, (method, path, content)
        elif method == "get":
            assert response.status_code == 200
        else:
            assert response.status_code == 400, (method, path, content)
        if "details" not in content:  # which repeat what was asked
            assert not any(identity in content for identity in theirs.values() if "{" not in path), path
    assert tried > 40
    assert _everything() == before


def test_owner_reaches_the_same_urls(theirs: dict[str, str], caller: Callable[..., Caller]) -> None:
    """The test above can fail: the owner gets the same URLs."""
    one = caller("owner")
    reads = [path for method, path in _operations() if method == "get" and "{" in path]
    assert len(reads) == 8
    for path in reads:
        assert one.get(_address(path, theirs)).status_code == 200, path
