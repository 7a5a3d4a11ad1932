"""What lists can be narrowed by. A filter's ``source`` is the lookup that it becomes; nothing else is looked at."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from product_imagery.models import EnhancementItem, Event, EventDelivery, FurtherId, WebhookEndpoint
from product_imagery.states import EnhancementStatus, Publication, Review

_FURTHER = 1000  #: pictures with one further id
_PAGES = ("limit", "offset", "cursor")
_Row = TypeVar("_Row", bound=Model)


class Filters(serializers.Serializer[Any]):
    """Base: what is not declared is refused rather than overlooked."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Only what is declared."""
        unknown = sorted(set(self.initial_data) - set(self.fields) - set(_PAGES))
        if unknown:
            known = ", ".join([*self.fields, *_PAGES])
            raise ValidationError({unknown[0]: [f"There is no such filter. There are: {known}."]})
        return attrs


class NoFilters(Filters):
    """A list that is only paged."""


class CreatedFilters(Filters):
    """By when it was made."""

    created_after = serializers.DateTimeField(source="created_at__gte", required=False)
    created_before = serializers.DateTimeField(source="created_at__lt", required=False)


class EnhancementFilters(CreatedFilters):
    """Of enhancements."""

    status = serializers.ChoiceField(choices=EnhancementStatus.choices, required=False)
    preset = serializers.CharField(source="preset__name", required=False)
    operation = serializers.CharField(required=False)
    credential = serializers.CharField(source="credential__label", required=False)


class _ItemsOf(serializers.Field[Any, Any, Any, Any]):
    """What is known of an item narrows results by way of the items: a database finds few of those by their own index,
    where it would otherwise walk through all results.
    """

    def __init__(self, lookup: str, field: serializers.Field[Any, Any, Any, Any], **how: Any) -> None:
        super().__init__(**how)
        self._lookup, self.field = lookup, field

    def to_internal_value(self, data: Any) -> QuerySet[EnhancementItem, Any]:
        """Their primary keys. Raises ``ValidationError``."""
        wanted = self.field.run_validation(data)
        further = list(FurtherId.objects.filter(name=wanted).values_list("item", flat=True)[:_FURTHER])
        return EnhancementItem.objects.filter(Q(**{self._lookup: wanted}) | Q(pk__in=further)).values("pk")


class GenerationFilters(CreatedFilters):
    """Of generations."""

    review = serializers.ChoiceField(choices=Review.choices, required=False)
    publication = serializers.ChoiceField(
        choices=Publication.choices,
        required=False,
        help_text="The last step that was taken here. What somebody else did to the product since then is shown in "
        "the generation itself.",
    )
    enhancement = serializers.UUIDField(source="enhancement__uuid", required=False)
    external_id = _ItemsOf("external_id", serializers.CharField(), source="item__in", required=False)


class CatalogueFilters(Filters):
    """Of what there is to choose from. These lists are short and come whole."""

    provider = serializers.CharField(required=False)
    operation = serializers.CharField(required=False)


class ProductFilters(Filters):
    """Of products."""

    kind = serializers.CharField(required=False, help_text="the part of their ids before the colon, as shop.product")


class DeliveryFilters(CreatedFilters):
    """Of deliveries."""

    state = serializers.ChoiceField(choices=EventDelivery.State.choices, required=False)
    event = serializers.ChoiceField(source="kind", choices=Event.choices, required=False)


class EndpointFilters(CreatedFilters):
    """Of webhook endpoints."""

    state = serializers.ChoiceField(choices=WebhookEndpoint.State.choices, required=False)


def narrow(request: Request, rows: QuerySet[_Row], filters: type[Filters]) -> QuerySet[_Row]:
    """Those rows that the request asks for. Raises ``ValidationError``."""
    return rows.filter(**asked(request, filters))


def asked(request: Request, filters: type[Filters]) -> dict[str, Any]:
    """What the filters say, by lookup. Raises ``ValidationError``."""
    given = filters(data=request.query_params.dict())
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
