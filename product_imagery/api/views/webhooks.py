"""Webhook endpoints: who wants to be told, and what they have been told."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiView
from product_imagery.api.filters import DeliveryFilters, EndpointFilters, narrow
from product_imagery.api.idempotency import once
from product_imagery.api.pagination import paginate
from product_imagery.api.schema import describe
from product_imagery.api.serializers.webhooks import DeliveryOut, EndpointIn, EndpointOut, NewEndpointOut
from product_imagery.exceptions import UnsafeAddress
from product_imagery.fetching import check_syntax
from product_imagery.flows import endpoints
from product_imagery.models import EventDelivery, Scope, WebhookEndpoint


class _OfEndpoints(ApiView):
    scope = Scope.WEBHOOKS

    def mine(self) -> QuerySet[WebhookEndpoint]:
        """All of the caller's."""
        return WebhookEndpoint.objects.filter(**self.belonging)

    def find(self, uuid: Any) -> WebhookEndpoint:
        """One of the caller's. Raises ``NotFound``."""
        return self.one_of(self.mine(), uuid, "endpoint")

    def shown(self, uuid: Any) -> Any:
        """An endpoint as answers show it."""
        return EndpointOut(self.find(uuid)).data


class Endpoints(_OfEndpoints):
    """All of the caller's."""

    @describe(
        "List webhook endpoints", {200: EndpointOut(many=True)}, name="webhook_endpoints", filters=EndpointFilters
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = paginate(request, narrow(request, self.mine(), EndpointFilters))
        shown = EndpointOut(page.rows, many=True).data
        return self.answer("webhook_endpoints", shown, next_cursor=page.next_cursor)

    @describe(
        "Create a webhook endpoint", {201: NewEndpointOut}, name="webhook_endpoint", body=EndpointIn, creates=True
    )
    def post(self, request: Request) -> Response:
        """It is sent a challenge, and told nothing else before it has answered that. The secret is shown this once."""
        given = EndpointIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            check_syntax(given.validated_data["url"])
        except UnsafeAddress as error:
            raise ValidationError({"url": [error.message]}) from error

        def create() -> Response:
            endpoint, secret = endpoints.make(**given.validated_data, **self.belonging_to_make)
            return self.answer("webhook_endpoint", {**self.shown(endpoint.uuid), "secret": secret}, status=201)

        return once(request, create, sealed=True)


class OneEndpoint(_OfEndpoints):
    """One of the caller's."""

    @describe("Get a webhook endpoint", {200: EndpointOut}, name="webhook_endpoint")
    def get(self, request: Request, uuid: Any) -> Response:
        """How it is."""
        return self.answer("webhook_endpoint", self.shown(uuid))

    @describe("Delete a webhook endpoint", {200: EndpointOut}, name="webhook_endpoint")
    def delete(self, request: Request, uuid: Any) -> Response:
        """With all that was to be sent to it."""
        shown = self.shown(uuid)
        self.find(uuid).delete()
        return self.answer("webhook_endpoint", shown)


class VerifyEndpoint(_OfEndpoints):
    """Another challenge."""

    @describe("Verify a webhook endpoint", {200: EndpointOut}, name="webhook_endpoint")
    def post(self, request: Request, uuid: Any) -> Response:
        """For one that did not answer, or was switched off."""
        endpoints.verify(self.find(uuid))
        return self.answer("webhook_endpoint", self.shown(uuid))


class RotateSecret(_OfEndpoints):
    """A new secret."""

    @describe("Rotate the secret of a webhook endpoint", {200: NewEndpointOut}, name="webhook_endpoint", creates=True)
    def post(self, request: Request, uuid: Any) -> Response:
        """Shown this once. The old one signs beside it for a day."""

        def rotate() -> Response:
            secret = endpoints.rotate(self.find(uuid))
            return self.answer("webhook_endpoint", {**self.shown(uuid), "secret": secret})

        return once(request, rotate, sealed=True)


class SendTest(_OfEndpoints):
    """An event for trying out."""

    @describe("Send a test event", {202: DeliveryOut}, name="delivery", creates=True)
    def post(self, request: Request, uuid: Any) -> Response:
        """``endpoint.test``, with nothing to say."""
        endpoint = self.find(uuid)

        def send() -> Response:
            return self.answer("delivery", DeliveryOut(endpoints.send_test(endpoint)).data, status=202)

        return once(request, send)


class Deliveries(_OfEndpoints):
    """What was sent, or is to be."""

    @describe("List deliveries", {200: DeliveryOut(many=True)}, name="deliveries", filters=DeliveryFilters)
    def get(self, request: Request, uuid: Any) -> Response:
        """The newest first."""
        rows = EventDelivery.objects.filter(endpoint=self.find(uuid))
        page = paginate(request, narrow(request, rows, DeliveryFilters))
        shown = DeliveryOut(page.rows, many=True).data
        return self.answer("deliveries", shown, next_cursor=page.next_cursor)


class Redeliver(_OfEndpoints):
    """Once more."""

    @describe("Redeliver an event", {202: DeliveryOut}, name="delivery")
    def post(self, request: Request, uuid: Any, delivery: Any) -> Response:
        """The same event under the same id."""
        found = self.one_of(EventDelivery.objects.filter(endpoint=self.find(uuid)), delivery, "delivery")
        return self.answer("delivery", DeliveryOut(endpoints.redeliver(found)).data, status=202)
