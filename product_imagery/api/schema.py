"""Extensions and decorators for drf-spectacular, which generates ``openapi.json`` from the views.

Regenerate the file with ``python -m tests.api.schema_file``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from drf_spectacular import utils as spectacular
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiFilterExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_parameter_type
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers

from product_imagery.api import examples
from product_imagery.api.idempotency import KEY_FORM
from product_imagery.api.parsers import FormWithPicturesParser
from product_imagery.api.serializers.errors import ErrorEnvelope
from product_imagery.models import Event

_Method = TypeVar("_Method", bound=Callable[..., Any])
_ERRORS = {
    400: "The request is not valid.",
    401: "The key is missing or not valid.",
    402: "The request exceeds a budget.",
    403: "The key lacks a scope, or its owner lacks a permission.",
    404: "Not found, or not visible with this key.",
    409: "The request conflicts with the current state.",
    429: "Too many requests. Wait for the seconds in Retry-After.",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_FORM, "minLength": 8, "maxLength": 160},
    OpenApiParameter.HEADER,
    required=True,
    description="A key of your own for this request. Repeating the request with the key returns the same response.",
)
_FORM = {
    "type": "object",
    "properties": {"request": {"type": "string", "description": "The request as JSON."}},
    "additionalProperties": {"type": "string", "format": "binary"},
    "description": 'In the part “request”, "image": {"file": "a"} refers to the part “a” of the form.',
}


class EnvelopeSchema(AutoSchema):
    """Derive operation ids, examples and request bodies from the attributes of a view."""

    def get_operation_id(self) -> str:
        """Return the summary in snake case; without a summary, as in actions of a host, drf-spectacular's own id."""
        return self._slug() if self.get_summary() else super().get_operation_id()

    def get_request_serializer(self) -> Any:
        """Return the serializer of the action's body, and the form in which the same body can carry pictures."""
        view: Any = self.view
        body = getattr(view, "input_serializers", {}).get(getattr(view, "action", None))
        if body is None or FormWithPicturesParser not in view.parser_classes:
            return body
        return {"application/json": body, "multipart/form-data": _FORM}

    def get_examples(self) -> list[OpenApiExample]:
        """Return the examples of this operation from ``examples.py``."""
        responses = self.get_response_serializers()
        return examples.for_operation(self._slug(), str(next(iter(responses)))) if isinstance(responses, dict) else []

    def _slug(self) -> str:
        return str(self.get_summary()).lower().replace(" ", "_")


def extend_schema(*, summary: str, responses: dict[Any, Any], **described: Any) -> Callable[[_Method], _Method]:
    """Apply drf-spectacular's decorator with ``EnvelopeSchema`` instead of the site's ``DEFAULT_SCHEMA_CLASS``.

    ``summary`` also describes the successful response.
    """
    described["responses"] = {
        status: content if isinstance(content, OpenApiResponse) else OpenApiResponse(content, description=summary)
        for status, content in responses.items()
    }

    def decorate(method: _Method) -> _Method:
        setattr(method, "schema", EnvelopeSchema)  # noqa: B010  drf-spectacular derives from this class
        return spectacular.extend_schema(summary=summary, **described)(method)

    return decorate


def enveloped(name: str, responses: dict[Any, Any], *, errors: Iterable[int] = _ERRORS, **extra: Any) -> dict[Any, Any]:
    """Describe ``{name: content, **extra, "request_id": …}``, and the errors."""
    good = {status: _envelope(name, content, extra) for status, content in responses.items()}
    return good | error_responses(errors)


def paged(name: str, serializer: type[serializers.Serializer[Any]]) -> dict[Any, Any]:
    """Describe one page of a list, and the errors."""
    cursor = serializers.CharField(allow_blank=True)
    return {200: _envelope(name, serializer(many=True), {}, next_cursor=cursor)} | error_responses()


def error_responses(statuses: Iterable[int] = _ERRORS) -> dict[Any, Any]:
    """Describe the error envelope for each of the statuses."""
    return {status: OpenApiResponse(ErrorEnvelope, description=_ERRORS[status]) for status in statuses}


_envelopes: dict[str, Any] = {}


def _envelope(name: str, content: Any, extra: dict[str, Any], **last: Any) -> Any:
    """Return the serializer of ``{name: content, **extra, "request_id": …, **last}``; one per class and ``extra``."""
    inner = getattr(content, "child", content)
    kind = inner if isinstance(inner, type) else type(inner)
    many = "List" if hasattr(content, "child") else ""
    title = f"{kind.__name__}{many}{''.join(map(str.title, extra))}Response"
    if title not in _envelopes:
        fields = {name: content() if isinstance(content, type) else content, **extra}
        fields |= {"request_id": serializers.CharField(), **last}
        envelope: Any = inline_serializer(title, fields)
        _envelopes[title] = extend_schema_serializer(many=False)(envelope)
    return _envelopes[title]


class QueryFilterScheme(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """Describe the fields of a view's ``filter_class`` as query parameters."""

    target_class = "product_imagery.api.filters.QueryFilterBackend"
    match_subclasses = True

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Return one query parameter for each field."""
        filters = auto_schema.view.filter_class()
        mapped = auto_schema._map_serializer(filters, "request")
        return [
            build_parameter_type(
                name=name,
                schema=schema,
                description=schema.pop("description", None),
                location=OpenApiParameter.QUERY,
                required=name in mapped.get("required", ()),
                allow_blank=getattr(filters.fields[name], "allow_blank", True),
            )
            for name, schema in mapped.get("properties", {}).items()
        ]


_EVENT = {
    "type": "object",
    "required": ["type", "timestamp", "data"],
    "properties": {
        "type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time", "description": "Time of the event."},
        "data": {
            "type": "object",
            "description": "Ids of the objects concerned, and their state at the time of the event.",
        },
    },
}
_SIGNED = {
    "webhook-id": "Id of the event, the same on every attempt.",
    "webhook-timestamp": "Time of the attempt in Unix seconds.",
    "webhook-signature": "Signature as defined by Standard Webhooks: v1,…",
}


def webhooks() -> dict[str, Any]:
    """Describe the webhooks that are sent to endpoints, one for each event."""
    parameters = [
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": text}
        for name, text in _SIGNED.items()
    ]
    delivered = {"2XX": {"description": "Delivered. After any other status, the delivery is retried."}}
    content = {"application/json": {"schema": _EVENT, "example": examples.EVENT}}
    return {
        event.value: {
            "post": {
                "operationId": event.value.replace(".", "_"),
                "summary": str(event.label).capitalize(),
                "parameters": parameters,
                "requestBody": {"required": True, "content": content},
                "responses": delivered,
            }
        }
        for event in Event
    }


class ItemFieldScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describe a filter by a field of items as that field."""

    target_class = "product_imagery.api.filters.ItemField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Any:
        """Return the schema of the field."""
        return auto_schema._map_serializer_field(self.target.field, direction)


class BodyScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describe a body as closed: undeclared fields are refused."""

    target_class = "product_imagery.api.serializers.base.Body"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> Any:
        """Return the schema of the serializer with ``additionalProperties: false``."""
        found = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**found, "additionalProperties": False}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describe the authentication by API key."""

    target_class = "product_imagery.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme ``Authorization: Bearer pik_…``."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "pik_live_… or pik_test_…"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describe the authentication by session of a member of staff."""

    target_class = "product_imagery.api.authentication.StaffSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return Django's session cookie. Unsafe methods require the CSRF token as well."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
