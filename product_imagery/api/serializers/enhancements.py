"""Serializers of quotes, enhancements and items."""

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
_OPTIONS = (
    "Options of the operation, as listed under operations. For the local engine's operations that cut out: region (box "
    "around the product, [x, y, width, height]), keep and remove (lists of points [x, y], or of strokes, which are "
    "lists of points), all in shares of the source picture from 0 to 1."
)


class WorkSpecIn(Body):
    """A preset or an operation, with options and a credential."""

    preset = serializers.CharField(max_length=60, required=False, help_text="Id of a preset.")
    operation = serializers.ChoiceField(choices=[one.value for one in Operation], required=False)
    options = serializers.DictField(
        required=False,
        default=dict,
        help_text=_OPTIONS,
    )
    credential = serializers.CharField(
        max_length=80,
        required=False,
        help_text="Name of a credential. Without it, the preset's credential is used, or the local engine.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one of preset and operation. Raises ``ValidationError``."""
        if bool(attrs.get("preset")) == bool(attrs.get("operation")):
            raise serializers.ValidationError({"preset": ["Send either a preset or an operation."]})
        return attrs


class QuoteIn(WorkSpecIn):
    """A request for cost and duration."""

    images = PictureIn(many=True, min_length=1, max_length=_MAX_IMAGES)  # type: ignore[call-arg]
    fresh = serializers.BooleanField(
        default=False, help_text="Make pictures again even if they already have this look."
    )
    from_present = serializers.BooleanField(
        default=False,
        help_text="Start from the picture that is on the product now, even if it is a result, instead of its original.",
    )


class EnhancementIn(QuoteIn):
    """A request to start an enhancement."""

    approve = serializers.BooleanField(
        default=False,
        help_text="Publish the results without review. Requires the scope review. Results with low confidence stay "
        "pending, with the reason in publication_note.",
    )
    webhook_url = serializers.CharField(
        max_length=2000,
        required=False,
        help_text="URL that receives all events of this enhancement. One of your verified webhook endpoints must have "
        "the same scheme, host and port.",
    )
    budget = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), required=False, help_text="Maximum cost."
    )


class ToolIn(PictureIn):
    """A picture, and options of the operation."""

    options = serializers.DictField(
        required=False,
        default=dict,
        help_text=_OPTIONS,
    )
    credential = serializers.CharField(max_length=80, required=False)
    fresh = serializers.BooleanField(default=False)
    from_present = serializers.BooleanField(default=False)


def tool_as_enhancement(given: dict[str, Any], operation: str) -> dict[str, Any]:
    """Convert validated ``ToolIn`` data to validated ``EnhancementIn`` data."""
    names = PictureIn().fields
    image = {name: value for name, value in given.items() if name in names}
    rest = {name: value for name, value in given.items() if name not in names}
    return {"operation": operation, "images": [image], "approve": False, **rest}


class QuoteOut(serializers.Serializer[Any]):
    """Cost and duration of a request. Nothing is started."""

    pictures = serializers.IntegerField(help_text="Number of pictures of the products in the request.")
    to_do = serializers.IntegerField(help_text="Pictures that would be made.")
    under_way = serializers.IntegerField(help_text="Pictures that are already being made with this look.")
    done_before = serializers.IntegerField(help_text="Pictures that already have this look.")
    without_picture = serializers.IntegerField(help_text="Products without a picture.")
    unreadable = serializers.IntegerField(help_text="Products whose pictures the shop's own code cannot read.")
    in_storage = serializers.IntegerField(
        help_text="Pictures that had this look until another one replaced it. Publish the generation again for free."
    )
    untakeable = serializers.IntegerField(
        help_text="Pictures whose results could not be stored. Nothing is bought for them."
    )
    untakeable_because = serializers.ListField(
        child=serializers.CharField(), help_text="Why these results could not be stored."
    )
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField(help_text="The provider's unit of cost; empty if nothing is charged.")
    seconds = serializers.FloatField(help_text="Expected duration in seconds.")
    variants = serializers.IntegerField(help_text="Number of results per picture, from which one is chosen.")


class LeftOutOut(serializers.Serializer[Any]):
    """A product that was left out, with your existing work on it."""

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
        allow_null=True, help_text="The enhancement of yours that does or did the same work."
    )
    generations = serializers.ListField(
        child=serializers.UUIDField(), help_text="Ids of its generations that are not rejected."
    )


class EnhancementOut(serializers.Serializer[Any]):
    """An enhancement with its progress."""

    id = serializers.UUIDField(source="uuid")
    status = serializers.ChoiceField(choices=EnhancementStatus.choices)
    operation = serializers.CharField()
    options = serializers.JSONField()
    preset = serializers.CharField(source="preset.name", default=None, allow_null=True)
    credential = serializers.CharField(source="credential.label")
    provider = serializers.CharField(source="credential.provider")
    sandbox = serializers.BooleanField(source="is_trial")
    webhook_url = serializers.CharField()
    preparing = serializers.BooleanField(help_text="True while items of a large selection are still being created.")
    total_items = serializers.IntegerField(source="total")
    completed_items = serializers.IntegerField(source="completed")
    failed_items = serializers.IntegerField(source="failed")
    stalled_items = serializers.IntegerField(source="stalled")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ItemOut(serializers.Serializer[Any]):
    """A source picture with its progress."""

    id = serializers.UUIDField(source="uuid")
    external_id = serializers.CharField()
    external_ids = serializers.ListField(
        child=serializers.CharField(),
        help_text="All your ids of the picture, if several variants of a product share it.",
    )
    product = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=ItemStatus.choices)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    results = GenerationOut(many=True)

    def get_product(self, item: EnhancementItem) -> str:
        """Id of the product, such as shop.product:12."""
        return item.product_id


class EnhancementWithItemsOut(EnhancementOut):
    """An enhancement with its first thousand items and their results."""

    items = ItemOut(many=True)
