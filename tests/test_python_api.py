"""The Python API, as the code of a shop uses it: ``from product_imagery import …``, and the page that documents it."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

import product_imagery
from example_project.shop.models import Collection, Product
from product_imagery import Skipped, approve, enhance, publish, quote, restore
from product_imagery.exceptions import NothingToDo, RegistrationError, RequestError, StateError
from product_imagery.flows.enhancements.plan import LEFT_OUT
from product_imagery.models import CreditEntry, Enhancement, ImageVersion, Preset, ProviderCredential, ResultImage
from product_imagery.testing.stand_in import StandInServer

Make = Callable[..., Product]

_PAGE = Path(product_imagery.__file__).parent.parent / "docs" / "python-api.md"
_FUNCTIONS = {function.__name__: function for function in (quote, enhance, approve, publish, restore)}


@pytest.fixture
def paid(db: None, imagery_stand_ins: StandInServer, settings: Any) -> ProviderCredential:
    """A credential with a price, at a stand-in."""
    base = imagery_stand_ins.base
    allowed = (base.removeprefix("http://"),)
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "PUBLIC_BASE_URL": base, "FETCH_ALLOW": allowed}
    credential = ProviderCredential(provider="paqshot", label="Paqshot", base_url=f"{base}/paqshot")
    credential.set_secret(imagery_stand_ins["paqshot"].key)
    credential.save()
    return credential


def _reserved() -> Decimal:
    return sum(CreditEntry.objects.values_list("amount", flat=True), Decimal(0))


# Imports


def test_the_package_is_imported_without_django() -> None:
    code = (
        "import sys, product_imagery; print(product_imagery.__version__);"
        "assert not any(name.partition('.')[0] == 'django' for name in sys.modules);"
        "assert {'quote', 'enhance', 'approve', 'publish', 'restore'} <= set(dir(product_imagery))"
    )
    root = _PAGE.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == product_imagery.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        product_imagery.nonsense  # noqa: B018


# Quote and enhance


def test_a_quote_is_what_enhance_reserves(make_product: Make, paid: ProviderCredential) -> None:
    make_product("One"), make_product("Two")
    asked: dict[str, Any] = {"operation": "white_background", "credential": "Paqshot"}
    figures = quote(Product.objects.all(), **asked)
    assert Enhancement.objects.count() == 0
    started = enhance(Product.objects.all(), **asked)
    assert figures.cost > 0
    assert (figures.to_do, figures.cost) == (started.enhancement.items.count(), _reserved())
    assert started.enhancement.credential == paid


def test_a_preset_may_be_changed_by_options(make_product: Make) -> None:
    make_product()
    preset = Preset.objects.get(name="white")
    unchanged, changed = (
        enhance(Product.objects.all(), preset="white", options=options).enhancement for options in ({}, {"fill": 0.7})
    )
    assert (unchanged.preset, changed.preset) == (preset, preset)
    assert changed.options == {**unchanged.options, "fill": 0.7} != unchanged.options


def test_who_started_it_and_from_where(make_product: Make) -> None:
    make_product()
    person = get_user_model().objects.create_user("anna")
    enhancement = enhance(Product.objects.all(), operation="upscale", actor=person).enhancement
    enhancement.refresh_from_db()
    assert (enhancement.channel, enhancement.actor) == ("code", person)


def test_products_of_several_models_in_one_call(make_product: Make, gallery: Collection) -> None:
    product = make_product()
    products = [product, gallery, product]
    assert quote(products, operation="upscale").pictures == 4
    started = enhance(products, operation="upscale")
    models = started.enhancement.items.values_list("content_type__model", flat=True)
    assert sorted(models) == ["collection", "collection", "collection", "product"]
    assert started.skipped == ()


def test_a_part_of_a_queryset(make_product: Make) -> None:
    for title in ("One", "Two", "Three"):
        make_product(title)
    started = enhance(Product.objects.order_by("-pk")[:2], operation="upscale")
    assert {item.label for item in started.enhancement.items.all()} == {"Two", "Three"}


def test_skipped_products_have_a_reason(make_product: Make) -> None:
    busy, fresh = make_product(), make_product()
    bare = Product.objects.create(title="bare", sku="bare", price=1)
    enhance([busy], operation="upscale")
    started = enhance(Product.objects.all(), operation="upscale")
    assert [item.object_id for item in started.enhancement.items.all()] == [str(fresh.pk)]
    assert {(one.model, one.object_id, one.reason) for one in started.skipped} == {
        (Product, str(busy.pk), "under_way"),
        (Product, str(bare.pk), "no_picture"),
    }
    assert {one.product_id for one in started.skipped} == {f"shop.product:{busy.pk}", f"shop.product:{bare.pk}"}
    assert all(isinstance(one, Skipped) for one in started.skipped)


# Errors


def test_nothing_to_do_names_the_products(make_product: Make) -> None:
    product = make_product()
    enhance([product], operation="upscale")
    with pytest.raises(NothingToDo) as caught:
        enhance([product], operation="upscale")
    assert caught.value.code == "under_way"
    assert [(one.object_id, one.reason) for one in caught.value.skipped] == [(str(product.pk), "under_way")]


def test_over_a_budget_nothing_is_started(make_product: Make, paid: ProviderCredential) -> None:
    make_product("One"), make_product("Two")
    cost = quote(Product.objects.all(), operation="white_background", credential=paid).cost
    with pytest.raises(RequestError) as caught:
        enhance(Product.objects.all(), operation="white_background", credential=paid, budget=cost - Decimal("0.01"))
    assert caught.value.code == "over_budget"
    assert (Enhancement.objects.count(), _reserved()) == (0, 0)
    enhance(Product.objects.all(), operation="white_background", credential=paid, budget=cost)
    assert _reserved() == cost


@pytest.mark.parametrize("work", [{}, {"preset": "white", "operation": "upscale"}, {"options": {"factor": "4"}}])
@pytest.mark.parametrize("function", [quote, enhance])
def test_the_work_is_either_a_preset_or_an_operation(function: Any, work: Any, make_product: Make) -> None:
    with pytest.raises(RequestError, match="either a preset or an operation"):
        function([make_product()], **work)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ({"operation": "upscale", "options": {"nonsense": 1}}, "bad_option"),
        ({"preset": "nonsense"}, "unknown_preset"),
        ({"operation": "upscale", "credential": "nonsense"}, "unknown_credential"),
    ],
)
def test_unknown_names_are_refused(work: Any, code: str, make_product: Make) -> None:
    with pytest.raises(RequestError) as caught:
        enhance([make_product()], **work)
    assert caught.value.code == code


@pytest.mark.django_db
@pytest.mark.parametrize("product", [Product(title="unsaved"), 7, "shop.product:1"])
def test_only_saved_products_are_taken(product: Any) -> None:
    with pytest.raises(RequestError, match="is no saved product"):
        quote([product], operation="upscale")


@pytest.mark.django_db
def test_a_model_without_a_description_is_refused() -> None:
    with pytest.raises(RegistrationError, match="is not registered"):
        quote(get_user_model().objects.all(), operation="upscale")


# Approve, publish, restore


def test_the_way_of_a_picture_and_back(make_product: Make, work: Callable[[], Any]) -> None:
    product, person = make_product(), get_user_model().objects.create_user("anna")
    enhance([product], operation="upscale", actor=person)
    work()
    result = ResultImage.objects.get(item__object_id=product.pk)
    with pytest.raises(StateError, match="Only an approved picture"):
        publish(result, actor=person)
    approve(result, actor=person)
    work()
    product.refresh_from_db()
    assert not product.enhanced_photo  # approved only
    publish(result, actor=person)
    work()
    product.refresh_from_db()
    version = ImageVersion.objects.get(result=result)
    assert (product.enhanced_photo.name, version.published_by) == (version.after_name, person)
    restore(version, actor=person)
    product.refresh_from_db()
    assert not product.enhanced_photo
    with pytest.raises(StateError, match="put back already"):
        restore(version, actor=None)


def test_approve_can_publish_as_well(make_product: Make, work: Callable[[], Any]) -> None:
    product = make_product()
    enhance([product], operation="upscale")
    work()
    result = ResultImage.objects.get()
    approve(result, actor=None, publish=True)
    work()
    product.refresh_from_db()
    assert product.enhanced_photo.name == ImageVersion.objects.get(result=result).after_name
    with pytest.raises(StateError, match="is approved already|is rejected already"):
        approve(result, actor=None)


# The page


def _signature(source: str) -> str:
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.returns is not None
    return f"{function.name}({ast.unparse(function.args)}) -> {ast.unparse(function.returns)}"


def _signature_of(function: Any) -> str:
    source = inspect.getsource(inspect.unwrap(function))
    return _signature(re.sub(r"^@.*\n", "", source, flags=re.M))


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_the_page_shows_the_signatures_of_the_code(name: str) -> None:
    (shown,) = re.findall(rf"^```python\n(def {name}\(.*?)```$", _PAGE.read_text(), re.M | re.S)
    assert _signature(shown) == _signature_of(_FUNCTIONS[name])


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_the_page_explains_each_parameter(name: str) -> None:
    explained = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (`.+?) \|", _PAGE.read_text(), re.M))))
    assert set(inspect.signature(_FUNCTIONS[name]).parameters) <= explained


def test_the_page_explains_each_reason() -> None:
    section = _PAGE.read_text().partition("## Skipped products")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.M)
    assert set(rows) == set(LEFT_OUT) - {"gone", "cancelled", "not_prepared"}  # those are known only later
