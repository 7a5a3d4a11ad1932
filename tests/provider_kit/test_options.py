"""Options: what is declared is checked; what is not declared is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_imagery.exceptions import OptionError, RequestError
from product_imagery.provider_kit.contract import Offer
from product_imagery.provider_kit.options import Kind, Option, clean_options
from product_imagery.provider_kit.registry import all_providers, get_offer, get_provider

_SIZE = Option("size", Kind.INTEGER, 10, minimum=1, maximum=20)


@pytest.mark.parametrize(
    ("option", "given_value", "cleaned"),
    [
        (_SIZE, "7", 7),
        (_SIZE, 7.0, 7),
        (Option("x", Kind.NUMBER, 1), "0.85", 0.85),
        (Option("x", Kind.BOOLEAN, False), "yes", True),
        (Option("x", Kind.BOOLEAN, False), False, False),
        (Option("x", Kind.RATIO, "1:1"), " 4:5 ", "4:5"),
        (Option("x", Kind.COLOUR, "#FFFFFF"), "#a0B1c2", "#a0B1c2"),
        (Option("x", Kind.CHOICE, "a", choices={"a": "A", "b": "B"}), "b", "b"),
    ],
)
def test_values_from_forms_and_shells_are_understood(option: Option, given_value: object, cleaned: object) -> None:
    assert option.clean(given_value) == cleaned


@pytest.mark.parametrize(
    ("option", "bad", "says"),
    [
        (_SIZE, "21", "a whole number from 1 to 20"),
        (_SIZE, "seven", "a whole number from 1 to 20"),
        (_SIZE, True, "a whole number"),
        (_SIZE, 7.5, "a whole number"),
        (Option("x", Kind.NUMBER, 1), "nan", "a number"),
        (Option("x", Kind.BOOLEAN, False), "perhaps", "true or false"),
        (Option("x", Kind.RATIO, "1:1"), "wide", "width:height"),
        (Option("x", Kind.COLOUR, "#FFFFFF"), "reddish", "#RRGGBB"),
        (Option("x", Kind.CHOICE, "a", choices={"a": "A"}), "z", "one of a"),
    ],
)
def test_a_bad_value_is_told_what_to_write(option: Option, bad: object, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        option.clean(bad)
    assert says in caught.value.message


def test_an_unknown_option_is_refused_not_dropped() -> None:
    with pytest.raises(OptionError, match="Unknown option colour. This operation takes: size"):
        clean_options([_SIZE], {"colour": "red"})


@given(
    st.one_of(
        st.none(), st.text(), st.floats(), st.integers(), st.lists(st.integers()), st.dictionaries(st.text(), st.text())
    )
)
def test_anything_at_all_is_cleaned_or_refused(value: object) -> None:
    for provider in all_providers().values():
        for offer in provider.offers.values():
            for option in offer.options:
                try:
                    cleaned = option.clean(value)
                except OptionError:
                    continue
                assert option.clean(cleaned) == cleaned


def test_defaults_fit_their_own_declarations() -> None:
    for provider in all_providers().values():
        for offer in provider.offers.values():
            given = {option.name: "x" for option in offer.options if option.required}
            assert clean_options(offer.options, given) == {
                option.name: given.get(option.name, option.default) for option in offer.options
            }


def test_unknown_providers_and_operations_name_the_known_ones() -> None:
    with pytest.raises(RequestError, match="There are: .*local"):
        get_provider("nobody")
    with pytest.raises(RequestError, match="cannot do “fly”"):
        get_offer(get_provider("local"), "fly")


def test_options_that_were_cleaned_before_an_upgrade_cost_and_grow_by_its_defaults() -> None:
    offer = Offer(
        options=(_SIZE, Option("sides", Kind.INTEGER, "2", added=True)),
        price=lambda options: Decimal(options["size"] * options["sides"]),
        growth=lambda options: float(options["sides"]),
    )
    before = {"size": 7}
    assert (offer.cost_of(before), offer.growth_of(before)) == (Decimal(14), 2.0)
    assert offer.identifying(before) == offer.identifying(offer.complete(before)) == before
    assert offer.identifying({"size": 7, "sides": 3}) == {"size": 7, "sides": 3}
