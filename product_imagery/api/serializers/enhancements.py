"""Enhancements: what is requested, and its progress."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from product_imagery.api.pictures import PictureIn
from product_imagery.api.serializers.base import Body
from product_imagery.api.serializers.generations import GenerationOut
from product_imagery.models import EnhancementItem
from product_imagery.provider_kit.contract import Operation
from product_imagery.states import EnhancementStatus, ItemStatus

_MAX_IMAGES = 1000


class WorkSpecIn(Body):
    """A preset or an operation, with options."""

    preset = serializers.CharField(max_length=60, required=False, help_text="the id of a preset")
    operation = serializers.ChoiceField(choices=[one.value for one in Operation], required=False)
    options = serializers.DictField(required=False, default=dict)
    credential = serializers.CharField(
        max_length=80,
        required=False,
        help_text="the name of a credential; by default the preset's, or the local engine",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one of preset and operation."""
        if bool(attrs.get("preset")) == bool(attrs.get("operation")):
            raise serializers.ValidationError({"preset": ["Give a preset or an operation, one of them."]})
        return attrs


class QuoteIn(WorkSpecIn):
    """A request for a quote."""

    images = PictureIn(many=True, min_length=1, max_length=_MAX_IMAGES)  # type: ignore[call-arg]
    fresh = serializers.BooleanField(default=False, help_text="make pictures again that have this look already")
    from_present = serializers.BooleanField(
        default=False,
        help_text="start from the picture that is on the product now, even if it was made here, not from its original",
    )


class EnhancementIn(QuoteIn):
    """A request to start an enhancement."""

    approve = serializers.BooleanField(
        default=False,
        help_text="put the results on the products without review; requires the scope review. Results with low "
        "confidence stay pending; their publication_note says why",
    )
    webhook_url = serializers.CharField(
        max_length=2000,
        required=False,
        help_text="receives all events of this enhancement; must be on the host of a verified webhook endpoint",
    )
    budget = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), required=False, help_text="the maximum cost"
    )


class ToolIn(PictureIn):
    """One picture, and options of the tool."""

    options = serializers.DictField(required=False, default=dict)
    credential = serializers.CharField(max_length=80, required=False)
    fresh = serializers.BooleanField(default=False)
    from_present = serializers.BooleanField(default=False)


def tool_as_enhancement(given: dict[str, Any], operation: str) -> dict[str, Any]:
    """Return validated ``ToolIn`` data in the form of validated ``EnhancementIn`` data."""
    names = PictureIn().fields
    image = {name: value for name, value in given.items() if name in names}
    rest = {name: value for name, value in given.items() if name not in names}
    return {"operation": operation, "images": [image], "approve": False, **rest}


class QuoteOut(serializers.Serializer[Any]):
    """Cost and duration of a request that is not started."""

    pictures = serializers.IntegerField()
    to_do = serializers.IntegerField()
    under_way = serializers.IntegerField()
    done_before = serializers.IntegerField()
    without_picture = serializers.IntegerField()
    unreadable = serializers.IntegerField(help_text="pictures of products for which the shop's own code fails")
    in_storage = serializers.IntegerField(
        help_text="had this look until another picture replaced it: publish the generation again, free of charge"
    )
    untakeable = serializers.IntegerField(help_text="pictures whose results could not be stored: nothing is bought")
    untakeable_because = serializers.ListField(child=serializers.CharField(), help_text="the reasons")
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField(help_text="the provider's own unit; empty if nothing is charged")
    seconds = serializers.FloatField()
    variants = serializers.IntegerField(help_text="results per picture, of which one is chosen")


class LeftOutOut(serializers.Serializer[Any]):
    """A product that is left out, with the caller's existing work on it."""

    product = serializers.CharField()
    reason = serializers.ChoiceField(
        choices=[
            "under_way",
            "done_before",
            "in_storage",
            "no_picture",
            "unreadable",
            "result_too_large",
            "name_too_long",
        ]
    )
    enhancement = serializers.UUIDField(
        allow_null=True, help_text="the enhancement that does or did the same work, if it is yours"
    )
    generations = serializers.ListField(child=serializers.UUIDField(), help_text="its generations")


class EnhancementOut(serializers.Serializer[Any]):
    """An enhancement and its progress."""

    id = serializers.UUIDField(source="uuid")
    status = serializers.ChoiceField(choices=EnhancementStatus.choices)
    operation = serializers.CharField()
    options = serializers.JSONField()
    preset = serializers.CharField(source="preset.name", default=None, allow_null=True)
    credential = serializers.CharField(source="credential.label")
    provider = serializers.CharField(source="credential.provider")
    sandbox = serializers.BooleanField(source="is_trial")
    webhook_url = serializers.CharField()
    preparing = serializers.BooleanField(help_text="items of a large selection are still being created")
    total_items = serializers.IntegerField(source="total")
    completed_items = serializers.IntegerField(source="completed")
    failed_items = serializers.IntegerField(source="failed")
    stalled_items = serializers.IntegerField(source="stalled")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ItemOut(serializers.Serializer[Any]):
    """One source picture and its progress."""

    id = serializers.UUIDField(source="uuid")
    external_id = serializers.CharField()
    external_ids = serializers.ListField(
        child=serializers.CharField(), help_text="all of them, if several variants share this picture"
    )
    product = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=ItemStatus.choices)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    results = GenerationOut(many=True)

    def get_product(self, item: EnhancementItem) -> str:
        """Return the id of the product."""
        return item.product_id


class EnhancementWithItemsOut(EnhancementOut):
    """An enhancement with its first thousand items and their results."""

    items = ItemOut(many=True)
