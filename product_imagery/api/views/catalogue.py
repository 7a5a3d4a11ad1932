"""What there is to choose from: presets, operations, providers, templates; and what it would cost."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api import products
from product_imagery.api.base import PICTURE_PARSERS, ApiView
from product_imagery.api.filters import CatalogueFilters, asked
from product_imagery.api.looks import look_of
from product_imagery.api.pictures import Brought
from product_imagery.api.schema import describe
from product_imagery.api.serializers.catalogue import OfferOut, PresetOut, ProviderOut, TemplateOut
from product_imagery.api.serializers.enhancements import QuoteIn, QuoteOut
from product_imagery.flows.start import quote
from product_imagery.models import Preset, ProviderCredential
from product_imagery.provider_kit.contract import Offer, Operation, Provider
from product_imagery.provider_kit.options import Option
from product_imagery.provider_kit.registry import all_providers

_TEMPLATE_OPTIONS = ("scene", "style", "preset")  #: options that choose among a provider's ready-made scenes

_CHOSEN: dict[str, Any] = {"filters": CatalogueFilters, "pages": False}


class Presets(ApiView):
    """Named looks. Open to everybody."""

    permission_classes = (AllowAny,)

    @describe("List presets", {200: PresetOut(many=True)}, name="presets", public=True, **_CHOSEN)
    def get(self, request: Request) -> Response:
        """All that are offered."""
        presets = Preset.objects.offered().filter(**asked(request, CatalogueFilters))
        return self.answer("presets", PresetOut(presets, many=True).data)


class Operations(ApiView):
    """What can be done to a picture, and who does it."""

    @describe("List operations", {200: OfferOut(many=True)}, name="operations", **_CHOSEN)
    def get(self, request: Request) -> Response:
        """One entry for each operation of each provider."""
        offers = [
            _offer(provider, operation, offer)
            for provider in all_providers().values()
            for operation, offer in provider.offers.items()
        ]
        return self.answer("operations", _chosen(request, offers))


class Providers(ApiView):
    """Who makes pictures."""

    @describe("List providers", {200: ProviderOut(many=True)}, name="providers")
    def get(self, request: Request) -> Response:
        """All, with those that can be used now."""
        used = set(ProviderCredential.objects.filter(is_active=True).values_list("provider", flat=True))
        found = [
            {
                "id": slug,
                "name": provider.label,
                "available": slug in used or not provider.needs_credential,
                "operations": [str(operation) for operation in provider.offers],
            }
            for slug, provider in all_providers().items()
        ]
        return self.answer("providers", found)


class Templates(ApiView):
    """Ready-made scenes of all providers."""

    @describe("List templates", {200: TemplateOut(many=True)}, name="templates", **_CHOSEN)
    def get(self, request: Request) -> Response:
        """Each with the option that asks for it."""
        found = [
            {"provider": slug, "operation": str(operation), "option": option.name, "id": value, "name": label}
            for slug, provider in all_providers().items()
            for operation, offer in provider.offers.items()
            for option in offer.options
            if option.name in _TEMPLATE_OPTIONS
            for value, label in (option.choices or {}).items()
        ]
        return self.answer("templates", TemplateOut(_chosen(request, found), many=True).data)


class Quote(ApiView):
    """What something would cost, and how long it would take."""

    parser_classes = PICTURE_PARSERS

    @describe("Ask for cost and duration", {200: QuoteOut}, name="quote", body=QuoteIn, pictures=True)
    def post(self, request: Request) -> Response:
        """Nothing is done."""
        given = QuoteIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        look = look_of(wanted, self.key)
        pictures = Brought(wanted["images"], self.viewer, fresh=wanted["fresh"])
        pictures.name_known()
        named = [image for image in wanted["images"] if image.get("product")]
        chosen, _ = products.chosen(named, self.viewer)
        how = {name: wanted[name] for name in ("fresh", "from_present")}
        found = quote(chosen, look, **how, unseen=pictures.unseen)
        return self.answer("quote", QuoteOut(found).data)


def _chosen(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = asked(request, CatalogueFilters)
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _offer(provider: type[Provider], operation: Operation, offer: Offer) -> dict[str, Any]:
    return {
        "provider": provider.slug,
        "operation": str(operation),
        "cost": f"{offer.cost:.2f}",
        "costs": {name: f"{cost:.2f}" for name, cost in offer.prices().items() if name},
        "currency": provider.currency,
        "options": [_option(option) for option in offer.options],
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "kind": str(option.kind),
        "default": option.default,
        "required": option.required,
        "choices": list(option.choices or ()),
        "minimum": option.minimum,
        "maximum": option.maximum,
        "help": option.help,
    }
