"""The catalogue: presets, operations, providers and templates."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiViewSet
from product_imagery.api.filters import CatalogueFilters
from product_imagery.api.schema import enveloped, extend_schema
from product_imagery.api.serializers.catalogue import OfferOut, PresetOut, ProviderOut, RulePackOut, TemplateOut
from product_imagery.models import Preset, ProviderCredential
from product_imagery.provider_kit.contract import Offer, Operation, Provider
from product_imagery.provider_kit.options import Option
from product_imagery.provider_kit.registry import all_providers
from product_imagery.rules.packs import packs

_TEMPLATE_OPTIONS = ("scene", "style", "preset")  #: names of options whose choices are ready-made scenes
_PUBLIC_ERRORS = (400, 401, 429)


class _CatalogueViewSet(ApiViewSet):
    """A short list without pages."""

    filter_class = CatalogueFilters
    pagination_class = None

    def matching(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows that match the query parameters. Raises ``ValidationError``."""
        wanted = self.validated_filters()
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


class PresetViewSet(_CatalogueViewSet):
    """The presets, also without a key."""

    permission_classes = (AllowAny,)
    queryset = Preset.objects.all()
    serializer_class = PresetOut

    def get_queryset(self) -> QuerySet[Preset]:
        """Return the active presets whose provider can be used."""
        return Preset.objects.offered()

    @extend_schema(
        summary="List presets",
        auth=[],
        responses=enveloped("presets", {200: PresetOut(many=True)}, errors=_PUBLIC_ERRORS),
    )
    def list(self, request: Request) -> Response:
        """List the presets that can be used now."""
        presets = self.filter_queryset(self.get_queryset())
        return self.respond("presets", self.get_serializer(presets, many=True).data)


class OperationViewSet(_CatalogueViewSet):
    """The operations of all providers."""

    serializer_class = OfferOut

    @extend_schema(summary="List operations", responses=enveloped("operations", {200: OfferOut(many=True)}))
    def list(self, request: Request) -> Response:
        """List the operations of each provider with their prices and options."""
        offers = [
            _offer(provider, operation, offer)
            for provider in all_providers().values()
            for operation, offer in provider.offers.items()
        ]
        return self.respond("operations", self.matching(offers))


class ProviderViewSet(ApiViewSet):
    """The installed providers."""

    serializer_class = ProviderOut
    filter_backends = ()
    pagination_class = None

    @extend_schema(summary="List providers", responses=enveloped("providers", {200: ProviderOut(many=True)}))
    def list(self, request: Request) -> Response:
        """List all providers. Those that are `available` can be used now."""
        used = set(ProviderCredential.objects.filter(is_active=True).values_list("provider", flat=True))
        found = [
            {
                "id": slug,
                "name": gettext(provider.label),
                "available": slug in used or not provider.needs_credential,
                "operations": [str(operation) for operation in provider.offers],
            }
            for slug, provider in all_providers().items()
        ]
        return self.respond("providers", found)


class TemplateViewSet(_CatalogueViewSet):
    """The ready-made scenes of all providers."""

    serializer_class = TemplateOut

    @extend_schema(summary="List templates", responses=enveloped("templates", {200: TemplateOut(many=True)}))
    def list(self, request: Request) -> Response:
        """List ready-made scenes, each with the option that selects it."""
        found = [
            {"provider": slug, "operation": str(operation), "option": option.name, "id": value, "name": gettext(label)}
            for slug, provider in all_providers().items()
            for operation, offer in provider.offers.items()
            for option in offer.options
            if option.name in _TEMPLATE_OPTIONS
            for value, label in (option.choices or {}).items()
        ]
        return self.respond("templates", self.get_serializer(self.matching(found), many=True).data)


class RulePackViewSet(ApiViewSet):
    """The rules of marketplaces."""

    serializer_class = RulePackOut
    filter_backends = ()
    pagination_class = None

    @extend_schema(summary="List rule packs", responses=enveloped("rule_packs", {200: RulePackOut(many=True)}))
    def list(self, request: Request) -> Response:
        """List the marketplaces whose rules are known. A preset names the pack by which its pictures are judged."""
        return self.respond("rule_packs", self.get_serializer(packs().values(), many=True).data)


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
        "help": gettext(option.help),
    }
