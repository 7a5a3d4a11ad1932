"""The catalogue: presets, operations, providers and templates."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PresetOut(serializers.Serializer[Any]):
    """A named look: an operation with options at a provider."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="label")
    description = serializers.CharField()
    operation = serializers.CharField()
    provider = serializers.CharField()
    options = serializers.JSONField()
    rules = serializers.CharField(help_text="Rule pack by which its pictures are judged; empty for none.")


class OptionOut(serializers.Serializer[Any]):
    """An option of an operation at a provider."""

    name = serializers.CharField()
    kind = serializers.CharField()
    default = serializers.JSONField(allow_null=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.CharField())
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    help = serializers.CharField()


class OfferOut(serializers.Serializer[Any]):
    """An operation at a provider. `cost` is the price of one picture with the default options.

    If an option such as the model determines the price, `costs` maps its values to prices; otherwise it is empty.
    """

    provider = serializers.CharField()
    operation = serializers.CharField()
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    costs = serializers.DictField(child=serializers.DecimalField(max_digits=12, decimal_places=2))
    currency = serializers.CharField(help_text="The provider's unit of cost; empty if nothing is charged.")
    options = OptionOut(many=True)


class ProviderOut(serializers.Serializer[Any]):
    """A provider. It is `available` if it needs no credential, or an active credential exists."""

    id = serializers.CharField()
    name = serializers.CharField()
    available = serializers.BooleanField()
    operations = serializers.ListField(child=serializers.CharField())


class TemplateOut(serializers.Serializer[Any]):
    """A ready-made scene with the option that selects it."""

    provider = serializers.CharField()
    operation = serializers.CharField()
    option = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()


class RulePackOut(serializers.Serializer[Any]):
    """The rules of a marketplace for the first picture of a product."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="label")
    version = serializers.IntegerField()
    checked_on = serializers.DateField(help_text="Day on which the rules were compared with the sources.")
    official = serializers.BooleanField(help_text="True if a source is the marketplace's own page.")
    sources = serializers.ListField(child=serializers.CharField())
