"""What each provider can do, from its own declarations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from product_imagery.management.door import ImageryCommand
from product_imagery.provider_kit.registry import all_providers


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
                "price": str(offer.cost) + (f" {provider.currency}" if offer.cost else ""),
                "seconds": offer.seconds,
                "takes": str(provider.form),
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
            price = "free" if fact["price"] == "0" else fact["price"]
            self.stdout.write(
                f"{fact['provider']}: {fact['operation']} – {price}, about {fact['seconds']:g} s a picture"
            )
            if fact["limits"]:
                self.stdout.write(f"    at most {', '.join(fact['limits'])}")
            for name, text in fact["options"].items():
                self.stdout.write(f"    {name}: {text}")
