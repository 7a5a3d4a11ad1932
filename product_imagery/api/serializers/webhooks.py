"""Webhook endpoints and deliveries."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from product_imagery.api.serializers.base import Body
from product_imagery.models import Event, EventDelivery, WebhookEndpoint


class EndpointIn(Body):
    """A new webhook endpoint."""

    url = serializers.CharField(max_length=2000, help_text="https")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Event.choices), min_length=1, default=lambda: list(Event.values)
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class EndpointOut(serializers.Serializer[Any]):
    """A webhook endpoint and its state."""

    id = serializers.UUIDField(source="uuid")
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    sandbox = serializers.BooleanField(source="is_test")
    state = serializers.ChoiceField(choices=WebhookEndpoint.State.choices)
    note = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewEndpointOut(EndpointOut):
    """A webhook endpoint with its secret, which is shown only once."""

    secret = serializers.CharField(help_text="for verifying signatures: whsec_…")


class DeliveryOut(serializers.Serializer[Any]):
    """One event for one endpoint, and the state of its delivery."""

    id = serializers.UUIDField(source="uuid")
    message_id = serializers.CharField(help_text="the header webhook-id, the same on every attempt")
    event = serializers.CharField(source="kind")
    state = serializers.ChoiceField(choices=EventDelivery.State.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.SerializerMethodField()
    http_status = serializers.IntegerField(source="status", allow_null=True)
    note = serializers.CharField()
    body = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)

    def get_next_attempt_at(self, delivery: EventDelivery) -> str | None:
        """Return the time of the next attempt; ``None`` unless the delivery is waiting."""
        return delivery.due_at.isoformat() if delivery.state == EventDelivery.State.WAITING else None

    def get_body(self, delivery: EventDelivery) -> dict[str, Any]:
        """Return the body as it is sent."""
        return dict(json.loads(delivery.body))
