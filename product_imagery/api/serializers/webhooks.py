"""Webhook endpoints and what was sent to them."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from product_imagery.api.serializers.base import Body
from product_imagery.models import Event, EventDelivery, WebhookEndpoint


class EndpointIn(Body):
    """An address that wants to be told."""

    url = serializers.CharField(max_length=2000, help_text="https")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Event.choices), min_length=1, default=lambda: list(Event.values)
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class EndpointOut(serializers.Serializer[Any]):
    """An endpoint and how it is."""

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
    """The same with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="for checking signatures: whsec_…")


class DeliveryOut(serializers.Serializer[Any]):
    """One event, and whether it arrived."""

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
        """While it waits."""
        return delivery.due_at.isoformat() if delivery.state == EventDelivery.State.WAITING else None

    def get_body(self, delivery: EventDelivery) -> dict[str, Any]:
        """As it is sent."""
        return dict(json.loads(delivery.body))
