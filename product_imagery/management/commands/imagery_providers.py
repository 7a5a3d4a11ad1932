"""Print the providers and their offers, from their own declarations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from product_imagery.management.base import ImageryCommand
from product_imagery.provider_kit.contract import SANDBOX, Offer, Provider
from product_imagery.provider_kit.registry import Discovery, discover


def _price(provider: type[Provider], offer: Offer) -> str:
    """Return the price of one picture as text, for each value of the option that it depends on."""
    prices = offer.prices()
    if not any(prices.values()):
        return "free"
    listed = ", ".join(f"{name}: {price}" if name else str(price) for name, price in prices.items())
    return f"{listed} {provider.currency}"


def _facts(provider: type[Provider], distribution: str) -> list[dict[str, Any]]:
    """Return one entry for each operation. Raises what a provider of another package raises."""
    return [
        {
            "provider": provider.slug,
            "distribution": distribution,
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
        for operation, offer in provider.offers.items()
    ]


class Command(ImageryCommand):
    """Prints a table generated from the declarations. Entry points that fail are reported on standard error."""

    help = "Print the operations of each provider, with origin, options, price and duration."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = discover()
        facts = self._all_facts(found)
        for problem in found.problems:
            self.stderr.write(problem.message)
        if options["json"]:
            self.print_json(facts)
            return
        for fact in facts:
            self._print(fact)

    def _all_facts(self, found: Discovery) -> list[dict[str, Any]]:
        facts = []
        for slug, provider in found.providers.items():
            distribution = found.distributions.get(slug, "")
            try:
                facts += _facts(provider, distribution)
            except Exception as error:  # a provider of another package may raise anything
                if not distribution:
                    raise
                self.stderr.write(f"{distribution}, provider “{slug}”: {type(error).__name__}: {error}")
        return facts

    def _print(self, fact: dict[str, Any]) -> None:
        origin = f" [{fact['distribution']}]" if fact["distribution"] else ""
        self.stdout.write(
            f"{fact['provider']}{origin}: {fact['operation']} – {fact['price']}, about {fact['seconds']:g} s a picture"
        )
        several = fact["pictures_in_one_create"] > 1
        notes = [
            fact["takes"],
            *(name for name in ("webhooks", "sandbox") if fact[name]),
            *([f"up to {fact['pictures_in_one_create']} pictures in one create"] if several else []),
        ]
        self.stdout.write(f"    takes {', '.join(notes)}")
        if fact["limits"]:
            self.stdout.write(f"    at most {', '.join(fact['limits'])}")
        for name, text in fact["options"].items():
            self.stdout.write(f"    {name}: {text}")
