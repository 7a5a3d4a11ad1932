"""Filters of lists as serializers of the query parameters. The ``source`` of a field is the lookup."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from product_imagery.models import EnhancementItem, Event, EventDelivery, FurtherId, WebhookEndpoint
from product_imagery.states import EnhancementStatus, Publication, Review

_MAX_FURTHER = 1000  #: items found by one further external id
_PAGE_PARAMETERS = ("limit", "offset", "cursor")


class Filters(serializers.Serializer[Any]):
    """Base of the filters. Undeclared query parameters are refused, never ignored."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse undeclared query parameters. Raises ``ValidationError``."""
        unknown = sorted(set(self.initial_data) - set(self.fields) - set(_PAGE_PARAMETERS))
        if unknown:
            known = ", ".join([*self.fields, *_PAGE_PARAMETERS])
            raise ValidationError({unknown[0]: [f"There is no such filter. Known filters: {known}."]})
        return attrs


class NoFilters(Filters):
    """No filters besides the parameters of pages."""


class CreatedFilters(Filters):
    """Filters by time of creation."""

    created_after = serializers.DateTimeField(source="created_at__gte", required=False)
    created_before = serializers.DateTimeField(source="created_at__lt", required=False)


class EnhancementFilters(CreatedFilters):
    """Filters of enhancements."""

    status = serializers.ChoiceField(choices=EnhancementStatus.choices, required=False)
    preset = serializers.CharField(source="preset__name", required=False)
    operation = serializers.CharField(required=False)
    credential = serializers.CharField(source="credential__label", required=False)


class ItemField(serializers.Field[Any, Any, Any, Any]):
    """Filter results by a field of their items.

    The subquery lets the database find the items by their own index instead of scanning all results.
    """

    def __init__(self, lookup: str, field: serializers.Field[Any, Any, Any, Any], **options: Any) -> None:
        super().__init__(**options)
        self._lookup, self.field = lookup, field

    def to_internal_value(self, data: Any) -> QuerySet[EnhancementItem, Any]:
        """Return the primary keys of the items. Raises ``ValidationError``."""
        wanted = self.field.run_validation(data)
        further = list(FurtherId.objects.filter(name=wanted).values_list("item", flat=True)[:_MAX_FURTHER])
        return EnhancementItem.objects.filter(Q(**{self._lookup: wanted}) | Q(pk__in=further)).values("pk")


class GenerationFilters(CreatedFilters):
    """Filters of generations."""

    review = serializers.ChoiceField(choices=Review.choices, required=False)
    publication = serializers.ChoiceField(
        choices=Publication.choices,
        required=False,
        help_text="The last known state. Changes that others made to the product since are not taken into account.",
    )
    enhancement = serializers.UUIDField(source="enhancement__uuid", required=False)
    external_id = ItemField("external_id", serializers.CharField(), source="item__in", required=False)


class CatalogueFilters(Filters):
    """Filters of operations, presets and templates."""

    provider = serializers.CharField(required=False)
    operation = serializers.CharField(required=False)


class ProductFilters(Filters):
    """Filters of products."""

    kind = serializers.CharField(
        required=False, help_text="The part of the product id before the colon, such as shop.product."
    )


class DeliveryFilters(CreatedFilters):
    """Filters of deliveries."""

    state = serializers.ChoiceField(choices=EventDelivery.State.choices, required=False)
    event = serializers.ChoiceField(source="kind", choices=Event.choices, required=False)


class EndpointFilters(CreatedFilters):
    """Filters of webhook endpoints."""

    state = serializers.ChoiceField(choices=WebhookEndpoint.State.choices, required=False)


class QueryFilterBackend(BaseFilterBackend):
    """Filter rows by the query parameters that the view's ``filter_class`` declares."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any, Any], view: Any) -> QuerySet[Any, Any]:
        """Return the matching rows. Raises ``ValidationError`` for unknown or malformed parameters."""
        return queryset.filter(**validated_filters(request, view.filter_class))


def validated_filters(request: Request, filter_class: type[Filters]) -> dict[str, Any]:
    """Return the values of the query parameters by lookup. Raises ``ValidationError``."""
    filters = filter_class(data=request.query_params.dict())
    filters.is_valid(raise_exception=True)
    return dict(filters.validated_data)
