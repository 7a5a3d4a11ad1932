"""What goes in and what comes out. Every field is named here: nothing else of a row is ever shown or taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from product_imagery import files
from product_imagery.models import EnhancementItem, ResultImage
from product_imagery.provider_kit.contract import Operation
from product_imagery.states import EnhancementStatus, ItemStatus, Publication, Review

_MOST_IMAGES = 1000


class PresetOut(serializers.Serializer[Any]):
    """A named look."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="label")
    description = serializers.CharField()
    operation = serializers.CharField()
    provider = serializers.CharField()
    options = serializers.JSONField()


class OptionOut(serializers.Serializer[Any]):
    """One option of an operation at a provider."""

    name = serializers.CharField()
    kind = serializers.CharField()
    default = serializers.JSONField(allow_null=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.CharField())
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    help = serializers.CharField()


class OfferOut(serializers.Serializer[Any]):
    """How one provider does one operation. ``cost`` is that of one picture with the default options."""

    provider = serializers.CharField()
    operation = serializers.CharField()
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField()
    options = OptionOut(many=True)


class ProviderOut(serializers.Serializer[Any]):
    """A provider. ``available``: it needs no account, or there is one in use."""

    id = serializers.CharField()
    name = serializers.CharField()
    available = serializers.BooleanField()
    operations = serializers.ListField(child=serializers.CharField())


class ProductOut(serializers.Serializer[Any]):
    """A product of the shop, and its pictures."""

    id = serializers.CharField(help_text="app.model:key")
    name = serializers.CharField()
    images = serializers.ListField(child=serializers.DictField())


class ImageIn(serializers.Serializer[Any]):
    """One product whose pictures are wanted, and what the caller calls it."""

    product = serializers.CharField(max_length=200, help_text="the id of a product, such as shop.product:12")
    external_id = serializers.CharField(max_length=128, required=False, allow_blank=True, default="")


class LookIn(serializers.Serializer[Any]):
    """What to do: a preset, or an operation; with options."""

    preset = serializers.CharField(max_length=60, required=False, help_text="the id of a preset")
    operation = serializers.ChoiceField(choices=[one.value for one in Operation], required=False)
    options = serializers.DictField(required=False, default=dict)
    credential = serializers.CharField(
        max_length=80, required=False, help_text="the name of an account; without one the preset's, or the local engine"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either, not both."""
        if bool(attrs.get("preset")) == bool(attrs.get("operation")):
            raise serializers.ValidationError({"preset": ["Give a preset or an operation, one of them."]})
        return attrs


class QuoteIn(LookIn):
    """What would be done."""

    images = ImageIn(many=True, min_length=1, max_length=_MOST_IMAGES)  # type: ignore[call-arg]
    fresh = serializers.BooleanField(
        default=False, help_text="also make pictures anew that have this look already, or are being made"
    )


class EnhancementIn(QuoteIn):
    """What is to be done."""

    approve = serializers.BooleanField(
        default=False, help_text="put the results on the products without review; needs the scope review"
    )
    budget = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), required=False, help_text="the most that it may cost"
    )


class ToolIn(ImageIn):
    """One product, and how."""

    options = serializers.DictField(required=False, default=dict)
    credential = serializers.CharField(max_length=80, required=False)
    fresh = serializers.BooleanField(default=False)

    def as_enhancement(self, operation: str) -> dict[str, Any]:
        """The same as ``EnhancementIn`` would have it."""
        asked = dict(self.validated_data)
        image = {name: asked.pop(name) for name in ("product", "external_id")}
        return {"operation": operation, "images": [image], "approve": False, **asked}


class QuoteOut(serializers.Serializer[Any]):
    """Cost and duration, without doing anything."""

    pictures = serializers.IntegerField()
    to_do = serializers.IntegerField()
    under_way = serializers.IntegerField()
    done_before = serializers.IntegerField()
    without_picture = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField()
    seconds = serializers.FloatField()


class EnhancementOut(serializers.Serializer[Any]):
    """One request and how far it is."""

    id = serializers.UUIDField(source="uuid")
    status = serializers.ChoiceField(choices=EnhancementStatus.choices)
    operation = serializers.CharField()
    options = serializers.JSONField()
    preset = serializers.CharField(source="preset.name", default=None, allow_null=True)
    credential = serializers.CharField(source="credential.label")
    provider = serializers.CharField(source="credential.provider")
    sandbox = serializers.BooleanField(source="is_test")
    total_items = serializers.IntegerField(source="total")
    completed_items = serializers.IntegerField(source="completed")
    failed_items = serializers.IntegerField(source="failed")
    stalled_items = serializers.IntegerField(source="stalled")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class GenerationOut(serializers.Serializer[Any]):
    """One picture that was made. Its addresses are made for this answer by the storage: do not keep them."""

    id = serializers.UUIDField(source="uuid")
    enhancement = serializers.UUIDField(source="item.enhancement.uuid")
    item = serializers.UUIDField(source="item.uuid")
    product = serializers.SerializerMethodField()
    external_id = serializers.CharField(source="item.external_id")
    operation = serializers.CharField(source="item.enhancement.operation")
    sandbox = serializers.BooleanField(source="item.enhancement.is_test")
    review = serializers.ChoiceField(choices=Review.choices)
    publication = serializers.ChoiceField(choices=Publication.choices)
    format = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    confidence = serializers.FloatField()
    warnings = serializers.ListField(child=serializers.CharField())
    image_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_product(self, result: ResultImage) -> str:
        """The product's id."""
        return product_id(result.item)

    def get_image_url(self, result: ResultImage) -> str:
        """Signed where the storage signs."""
        return self._address(result.image.name or "")

    def get_thumbnail_url(self, result: ResultImage) -> str:
        """Signed where the storage signs."""
        return self._address(result.thumbnail.name or "")

    def _address(self, name: str) -> str:
        address = files.address_of(files.results_storage(), name)
        request = self.context.get("request")
        return request.build_absolute_uri(address) if request is not None and address else address


class ItemOut(serializers.Serializer[Any]):
    """One source picture on its way."""

    id = serializers.UUIDField(source="uuid")
    external_id = serializers.CharField()
    product = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=ItemStatus.choices)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    results = GenerationOut(many=True)

    def get_product(self, item: EnhancementItem) -> str:
        """The product's id."""
        return product_id(item)


class ErrorOut(serializers.Serializer[Any]):
    """What went wrong."""

    code = serializers.CharField()
    message = serializers.CharField()
    request_id = serializers.CharField()
    details = serializers.DictField(required=False, help_text="by field, where the request is not valid")


class ErrorEnvelope(serializers.Serializer[Any]):
    """Every error comes in this form."""

    error = ErrorOut()


def product_id(item: EnhancementItem) -> str:
    """``shop.product:12``."""
    model = item.content_type
    return f"{model.app_label}.{model.model}:{item.object_id}"
