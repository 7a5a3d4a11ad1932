"""What there is to choose from."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
    """How one provider does one operation. ``cost`` is that of one picture with the default options.

    ``costs`` are those by the values of the option that the cost depends on, such as a model; empty where on none.
    """

    provider = serializers.CharField()
    operation = serializers.CharField()
    cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    costs = serializers.DictField(child=serializers.DecimalField(max_digits=12, decimal_places=2))
    currency = serializers.CharField(help_text="the provider's own unit; empty where nothing is paid")
    options = OptionOut(many=True)


class ProviderOut(serializers.Serializer[Any]):
    """A provider. ``available``: it needs no account, or there is one in use."""

    id = serializers.CharField()
    name = serializers.CharField()
    available = serializers.BooleanField()
    operations = serializers.ListField(child=serializers.CharField())


class TemplateOut(serializers.Serializer[Any]):
    """A ready-made scene, and the option that asks for it."""

    provider = serializers.CharField()
    operation = serializers.CharField()
    option = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
