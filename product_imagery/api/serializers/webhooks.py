"""Serializers of webhook endpoints and deliveries."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from product_imagery.api.serializers.base import Body
from product_imagery.models import Event, EventDelivery, WebhookEndpoint


class EndpointIn(Body):
    """A new webhook endpoint."""

    url = serializers.CharField(max_length=2000, help_text="An https URL.")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Event.choices), min_length=1, default=lambda: list(Event.values)
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class EndpointOut(serializers.Serializer[Any]):
    """A webhook endpoint with its state."""

    id = serializers.UUIDField(source="uuid")
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    sandbox = serializers.BooleanField(source="is_test")
    state = serializers.ChoiceField(choices=WebhookEndpoint.State.choices)
    note = serializers.CharField(help_text="Why the endpoint is switched off or not verified.")
    failing_since = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewEndpointOut(EndpointOut):
    """A webhook endpoint with its new secret, which is shown only once."""

    secret = serializers.CharField(help_text="Secret for verifying signatures: whsec_…")


class DeliveryOut(serializers.Serializer[Any]):
    """An event for an endpoint, and the state of its delivery."""

    id = serializers.UUIDField(source="uuid")
    message_id = serializers.CharField(help_text="The header webhook-id, the same on every attempt.")
    event = serializers.CharField(source="kind")
    state = serializers.ChoiceField(choices=EventDelivery.State.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.SerializerMethodField()
    http_status = serializers.IntegerField(source="status", allow_null=True)
    note = serializers.CharField(help_text="Why the last attempt failed.")
    body = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)

    def get_next_attempt_at(self, delivery: EventDelivery) -> str | None:
        """Time of the next attempt; null unless the delivery is waiting."""
        return delivery.due_at.isoformat() if delivery.state == EventDelivery.State.WAITING else None

    def get_body(self, delivery: EventDelivery) -> dict[str, Any]:
        """Body of the event as it is sent."""
        return dict(json.loads(delivery.body))
