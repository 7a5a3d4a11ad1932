"""Webhook endpoints and their deliveries."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiViewSet, RetrieveMixin
from product_imagery.api.filters import DeliveryFilters, EndpointFilters
from product_imagery.api.idempotency import idempotent_response
from product_imagery.api.schema import IDEMPOTENCY_KEY, enveloped, extend_schema, paged
from product_imagery.api.serializers.webhooks import DeliveryOut, EndpointIn, EndpointOut, NewEndpointOut
from product_imagery.exceptions import UnsafeAddress
from product_imagery.flows.events import endpoints
from product_imagery.models import EventDelivery, Scope, WebhookEndpoint
from product_imagery.net.addresses import check_syntax

_ENDPOINT = enveloped("webhook_endpoint", {200: EndpointOut})
_DELIVERY = enveloped("delivery", {202: DeliveryOut})


@extend_schema_view(
    list=extend_schema(
        summary="List webhook endpoints", description="Newest first.", responses=paged("webhook_endpoints", EndpointOut)
    ),
    retrieve=extend_schema(
        summary="Get a webhook endpoint",
        description="Get the state and settings of an endpoint, without its secret.",
        responses=_ENDPOINT,
    ),
)
class EndpointViewSet(ListModelMixin, RetrieveMixin, ApiViewSet):
    """The caller's webhook endpoints."""

    scope = Scope.WEBHOOKS
    queryset = WebhookEndpoint.objects.all()
    serializer_class = EndpointOut
    filter_class = EndpointFilters
    singular, plural = "webhook_endpoint", "webhook_endpoints"
    input_serializers = {"create": EndpointIn}

    @extend_schema(
        summary="Create a webhook endpoint",
        parameters=[IDEMPOTENCY_KEY],
        responses=enveloped("webhook_endpoint", {201: NewEndpointOut}),
    )
    def create(self, request: Request) -> Response:
        """Create an endpoint and send it a challenge. It receives no events before it has passed the challenge.

        The response contains the secret, which is shown only once.
        """
        given = self.validated_input()
        try:
            check_syntax(given["url"])
        except UnsafeAddress as error:
            raise ValidationError({"url": [error.message]}) from error

        def create() -> Response:
            endpoint, secret = endpoints.make(**given, **self.new_ownership)
            return self._with_secret(endpoint.uuid, secret, 201)

        return idempotent_response(request, create, sealed=True)

    @extend_schema(summary="Delete a webhook endpoint", responses=_ENDPOINT)
    def destroy(self, request: Request, uuid: Any) -> Response:
        """Delete the endpoint and all its deliveries. Those that are waiting are not sent."""
        endpoint = self.get_object()
        response = self.row_response(endpoint)
        endpoint.delete()
        return response

    @extend_schema(summary="Verify a webhook endpoint", responses=_ENDPOINT)
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, uuid: Any) -> Response:
        """Send a new challenge to an endpoint that failed its challenge or is switched off."""
        endpoints.verify(self.get_object())
        return self.row_response(self.get_object())

    @extend_schema(
        summary="Rotate the secret of a webhook endpoint",
        parameters=[IDEMPOTENCY_KEY],
        responses=enveloped("webhook_endpoint", {200: NewEndpointOut}),
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, uuid: Any) -> Response:
        """Create a new secret, which is shown only once. For a day, events are signed with the old secret as well."""

        def rotate() -> Response:
            return self._with_secret(uuid, endpoints.rotate(self.get_object()), 200)

        return idempotent_response(request, rotate, sealed=True)

    @extend_schema(summary="Send a test event", parameters=[IDEMPOTENCY_KEY], responses=_DELIVERY)
    @action(detail=True, methods=["post"], url_path="test", url_name="test")
    def send_test(self, request: Request, uuid: Any) -> Response:
        """Send an event `endpoint.test` without data."""
        endpoint = self.get_object()

        def send() -> Response:
            return self.respond("delivery", DeliveryOut(endpoints.send_test(endpoint)).data, 202)

        return idempotent_response(request, send)

    def _with_secret(self, uuid: Any, secret: str, status: int) -> Response:
        endpoint = self.find(self.get_queryset(), uuid, "webhook endpoint")
        return self.respond(self.singular, {**self.get_serializer(endpoint).data, "secret": secret}, status)


@extend_schema_view(
    list=extend_schema(
        summary="List deliveries", description="Newest first.", responses=paged("deliveries", DeliveryOut)
    ),
)
class DeliveryViewSet(ListModelMixin, ApiViewSet):
    """The deliveries of one endpoint of the caller."""

    scope = Scope.WEBHOOKS
    serializer_class = DeliveryOut
    filter_class = DeliveryFilters
    singular, plural = "delivery", "deliveries"
    lookup_url_kwarg = "delivery"

    def get_queryset(self) -> QuerySet[EventDelivery]:
        """Return the deliveries of the endpoint in the URL. Raises ``NotFound``."""
        mine = WebhookEndpoint.objects.filter(**self.ownership())
        return EventDelivery.objects.filter(endpoint=self.find(mine, self.kwargs["uuid"], "webhook endpoint"))

    @extend_schema(summary="Redeliver an event", responses=_DELIVERY)
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, uuid: Any, delivery: Any) -> Response:
        """Send an event again, with the same id and the same body."""
        return self.row_response(endpoints.redeliver(self.get_object()), 202)
