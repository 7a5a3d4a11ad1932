"""Serializers of generations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from product_imagery.api.file_urls import file_url
from product_imagery.api.serializers.base import Body
from product_imagery.flows.results import standing
from product_imagery.flows.results.fidelity import drift_in
from product_imagery.flows.results.marketplace import verdict_of
from product_imagery.models import ResultImage
from product_imagery.rules.judge import Level
from product_imagery.states import Publication, Review
from product_imagery.storage.store import results_storage


def generation_context(request: Any, results: Collection[ResultImage]) -> dict[str, Any]:
    """Return the context of ``GenerationOut`` for many results, read with a constant number of queries."""
    return {"request": request, "publications": standing.publications(results)}


class _PublicationField(serializers.ChoiceField):
    """The state of publication, compared with the picture that is on the product now."""

    def get_attribute(self, instance: ResultImage) -> Any:
        """Return the state from the context; without one, read it for this result alone."""
        known = self.context.get("publications", {})
        return known.get(instance.pk) or standing.publications([instance])[instance.pk]


class FindingOut(serializers.Serializer[Any]):
    """The result of one rule for a picture."""

    rule = serializers.CharField()
    level = serializers.ChoiceField(choices=[level.value for level in Level])
    measured = serializers.JSONField(allow_null=True)
    asked = serializers.JSONField(allow_null=True, help_text="The bound that is not kept.")
    sentence = serializers.CharField()
    remedy = serializers.CharField()


class VerdictOut(serializers.Serializer[Any]):
    """Findings of the rules of a marketplace about a picture."""

    pack = serializers.CharField()
    version = serializers.IntegerField()
    findings = FindingOut(many=True)


class DriftOut(serializers.Serializer[Any]):
    """Difference between the product and that of the source; null where it could not be measured."""

    colour = serializers.FloatField(allow_null=True, help_text="ΔE 2000.")
    colour_95 = serializers.FloatField(allow_null=True, help_text="ΔE 2000 that 95 % of the product do not exceed.")
    shape = serializers.FloatField(allow_null=True, help_text="Stretch in percent.")
    details = serializers.FloatField(allow_null=True, help_text="Percent of the product that look different.")
    exceeded = serializers.ListField(child=serializers.CharField(), help_text="Bounds of the preset that are exceeded.")
    reason = serializers.CharField(help_text="Code of why nothing was measured; empty if something was.")


class GenerationOut(serializers.Serializer[Any]):
    """A picture that was made. Its URLs may expire: download the picture instead of storing its URL."""

    id = serializers.UUIDField(source="uuid")
    enhancement = serializers.UUIDField(source="enhancement.uuid")
    item = serializers.UUIDField(source="item.uuid")
    product = serializers.SerializerMethodField()
    external_id = serializers.CharField(source="item.external_id")
    operation = serializers.CharField(source="enhancement.operation")
    sandbox = serializers.BooleanField(source="enhancement.is_trial")
    review = serializers.ChoiceField(choices=Review.choices)
    approved_by_rule = serializers.CharField(
        help_text="Name of the rule by which it was approved; empty if a person or its enhancement has decided."
    )
    publication = _PublicationField(
        choices=Publication.choices,
        help_text="State of publication, compared with the picture that is on the product now.",
    )
    publication_note = serializers.CharField(
        help_text="Why it is not on its product: what changed there, or why it has to be reviewed first."
    )
    format = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Number of bytes.")
    sha256 = serializers.CharField()
    confidence = serializers.FloatField(help_text="Confidence of the provider in the result, from 0 to 1.")
    warnings = serializers.ListField(child=serializers.CharField())
    rules = serializers.SerializerMethodField()
    fidelity = serializers.SerializerMethodField()
    image_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_product(self, result: ResultImage) -> str:
        """Id of the product, such as shop.product:12."""
        return result.item.product_id

    @extend_schema_field(VerdictOut(allow_null=True))
    def get_rules(self, result: ResultImage) -> Any:
        """Findings of the preset's rule pack; null if the preset names none."""
        verdict = verdict_of(result.report)
        return VerdictOut(verdict).data if verdict else None

    @extend_schema_field(DriftOut(allow_null=True))
    def get_fidelity(self, result: ResultImage) -> Any:
        """Difference between the product and that of the source; null for a picture of an earlier version."""
        drift = drift_in(result.report)
        return DriftOut(drift).data if drift else None

    def get_image_url(self, result: ResultImage) -> str:
        """URL of the picture. It may expire."""
        return file_url(self.context.get("request"), results_storage(), result.image.name)

    def get_thumbnail_url(self, result: ResultImage) -> str:
        """URL of a small preview. It may expire."""
        return file_url(self.context.get("request"), results_storage(), result.thumbnail.name)


class ApprovalIn(Body):
    """The approval of a generation."""

    publish = serializers.BooleanField(default=True, help_text="Also put the picture on its product.")
