"""A work spec is complete and checked before any picture is chosen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from product_imagery.exceptions import OptionError, RequestError
from product_imagery.flows.enhancements import specs
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import Preset
from product_imagery.products import description_of
from tests.fakes.hosted import Account
from tests.fakes.server import SANDBOX_KEY

pytestmark = pytest.mark.django_db


def _code(**given: Any) -> str:
    asked = {"spec": None, "preset": "", "operation": "", "options": None, "credential": None, **given}
    with pytest.raises(RequestError) as caught:
        specs.spec_of_request(**asked)
    return caught.value.code


def test_options_are_complete_and_checked() -> None:
    spec = specs.spec_of_operation("upscale", {"factor": "4"})
    assert spec.options == {**spec.offer.defaults(), "factor": "4"}
    assert spec.credential.provider == "local"
    with pytest.raises(OptionError):
        specs.spec_of_operation("upscale", {"colour": "white"})


def test_an_account_that_is_switched_off_makes_no_spec(account: Account) -> None:
    credential = account("productai", is_active=False)
    with pytest.raises(RequestError) as caught:
        specs.spec_of_operation("upscale", {}, credential)
    assert caught.value.code == "credential_off"


def test_the_account_of_a_preset_is_the_given_one_then_its_own_then_one_of_its_provider(account: Account) -> None:
    usual, own, given = (account("productai", label=name) for name in ("usual", "own", "given"))
    preset = Preset.objects.create(name="large", provider="productai", operation="upscale", options={})
    assert specs.spec_of_preset("large").credential == usual
    preset.credential = own
    preset.save()
    assert specs.spec_of_preset("large").credential == own
    assert specs.spec_of_preset("large", credential=given).credential == given
    assert specs.spec_of_preset("large").preset == preset


def test_a_request_names_one_kind_of_work_and_known_accounts() -> None:
    spec = specs.spec_of_operation("upscale", {})
    assert specs.spec_of_request(spec, "", "", None, None) is spec
    assert _code() == _code(preset="white", operation="upscale") == _code(spec=spec, preset="white") == "bad_work"
    assert _code(spec=spec, options={"factor": "4"}) == "bad_work"
    assert _code(preset="nowhere") == "unknown_preset"
    assert _code(operation="upscale", credential="nobody") == "unknown_credential"


def test_a_sandbox_costs_nothing(account: Account) -> None:
    paid = specs.spec_of_operation("white_background", {}, account("aigenstudio"))
    assert paid.cost_each > 0
    free = specs.spec_of_operation("white_background", {}, account("aigenstudio", label="trial", key=SANDBOX_KEY))
    assert (free.is_sandbox, free.cost_each) == (True, Decimal(0))


def test_an_accepted_enhancement_gives_back_its_spec(make_product: Any) -> None:
    spec = specs.spec_of_operation("upscale", {"factor": "4"})
    product = make_product()
    started = enhance({description_of(type(product)): [product.pk]}, spec, channel="command").enhancement
    assert specs.spec_of_enhancement(started) == spec


def test_a_test_key_uses_the_local_engine_and_is_refused_what_the_provider_refuses(account: Account) -> None:
    credential = account("aigenstudio")
    trial = specs.spec_for_test_key({}, operation="white_background", credential=credential)
    assert (trial.credential.provider, trial.is_test) == ("local", True)
    with pytest.raises(RequestError):
        specs.spec_for_test_key({"no_such_option": 1}, operation="white_background", credential=credential)
