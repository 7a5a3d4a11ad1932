"""What each provider can do, from its own declarations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from product_imagery.management.door import ImageryCommand
from product_imagery.provider_kit.contract import SANDBOX, Offer, Provider
from product_imagery.provider_kit.registry import all_providers


def _price(provider: type[Provider], offer: Offer) -> str:
    """Of one picture, by the values of the option that it depends on."""
    prices = offer.prices()
    if not any(prices.values()):
        return "free"
    told = ", ".join(f"{name}: {price}" if name else str(price) for name, price in prices.items())
    return f"{told} {provider.currency}"


class Command(ImageryCommand):
    """Generated, so it cannot be wrong."""

    help = "Print what each provider can do: operations, options, price, pace."

    def add_arguments(self, parser: CommandParser) -> None:
        """How."""
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the table."""
        facts: list[dict[str, Any]] = [
            {
                "provider": slug,
                "operation": str(operation),
                "price": _price(provider, offer),
                "seconds": offer.seconds,
                "takes": str(provider.form),
                "pictures_in_one_create": provider.batch,
                "webhooks": provider.webhooks,
                "sandbox": SANDBOX in map(provider().environment, provider.key_prefixes),
                "limits": [f"{limit.most} {limit.counted} in {limit.seconds} s" for limit in provider.limits]
                + ([f"{provider.active_jobs} jobs at once"] if provider.active_jobs else []),
                "options": {option.name: f"{option.expects()} (default {option.default})" for option in offer.options},
            }
            for slug, provider in all_providers().items()
            for operation, offer in provider.offers.items()
        ]
        if options["json"]:
            self.print_json(facts)
            return
        for fact in facts:
            self.stdout.write(
                f"{fact['provider']}: {fact['operation']} – {fact['price']}, about {fact['seconds']:g} s a picture"
            )
            told = [name for name in ("webhooks", "sandbox") if fact[name]]
            told += [f"up to {fact['pictures_in_one_create']} pictures in one create"] * (
                fact["pictures_in_one_create"] > 1
            )
            self.stdout.write(f"    takes {', '.join((fact['takes'], *told))}")
            if fact["limits"]:
                self.stdout.write(f"    at most {', '.join(fact['limits'])}")
            for name, text in fact["options"].items():
                self.stdout.write(f"    {name}: {text}")
