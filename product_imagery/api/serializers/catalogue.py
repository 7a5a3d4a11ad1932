"""The catalogue: presets, operations, providers and templates."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PresetOut(serializers.Serializer[Any]):
    """A preset."""

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
    """One operation at one provider. ``cost`` is the price of one picture with the default options.

    ``costs`` are prices by value of the option that determines the price, such as a model; empty if none does.
    """

    provider = serializers.CharField()
    operation = serializers.CharField()
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    costs = serializers.DictField(child=serializers.DecimalField(max_digits=12, decimal_places=2))
    currency = serializers.CharField(help_text="the provider's own unit; empty if nothing is charged")
    options = OptionOut(many=True)


class ProviderOut(serializers.Serializer[Any]):
    """A provider. ``available``: it needs no credential, or an active one exists."""

    id = serializers.CharField()
    name = serializers.CharField()
    available = serializers.BooleanField()
    operations = serializers.ListField(child=serializers.CharField())


class TemplateOut(serializers.Serializer[Any]):
    """A ready-made scene, and the option that selects it."""

    provider = serializers.CharField()
    operation = serializers.CharField()
    option = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
