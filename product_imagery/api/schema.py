"""The OpenAPI schema: made by drf-spectacular from the views, described here in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from product_imagery.api import examples
from product_imagery.api.filters import Filters
from product_imagery.api.idempotency import KEY_FORM
from product_imagery.api.pagination import FARTHEST, MOST
from product_imagery.api.serializers.errors import ErrorEnvelope
from product_imagery.models import Event

_ERRORS = {
    400: "The request is not valid.",
    401: "No key, or none that is good.",
    402: "A budget does not allow it.",
    403: "The key may not do this.",
    404: "There is no such thing, or it is somebody else's.",
    409: "It does not fit the present state.",
    429: "Too many requests: see Retry-After.",
}
_IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_FORM, "minLength": 8, "maxLength": 160},
    OpenApiParameter.HEADER,
    required=True,
    description="Your own name for this request: the same one again gets the same answer.",
)
_LISTS = [
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST}, description="rows of a page"),
    OpenApiParameter(
        "cursor", {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}, description="next_cursor of the last page"
    ),
    OpenApiParameter("offset", {"type": "integer", "minimum": 0, "maximum": FARTHEST}, description="rows to skip"),
]


_FORM = {
    "type": "object",
    "properties": {"request": {"type": "string", "description": "the request as JSON"}},
    "additionalProperties": {"type": "string", "format": "binary"},
    "description": 'In the JSON, "image": {"file": "a"} stands for the part “a” of the form.',
}


def describe(
    summary: str,
    answers: dict[Any, Any],
    *,
    name: str,
    body: Any = None,
    public: bool = False,
    creates: bool = False,
    pictures: bool = False,
    routes: bool = False,
    filters: type[Filters] | None = None,
    pages: bool = True,
    also: dict[str, serializers.Field[Any, Any, Any, Any]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Describe one operation: its good answers come under ``name``, its errors in the envelope.

    ``pictures``: the request may be a form with files. ``routes``: one method serves several of them, which are told
    apart by their paths. A list has ``filters``, and ``pages`` unless it is short. ``also``: fields beside the answer.
    """
    lists = filters is not None and pages
    good = {
        status: OpenApiResponse(_wrapped(name, what, lists, also or {}) if name else what, description=summary)
        for status, what in answers.items()
    }
    bad = {status: OpenApiResponse(ErrorEnvelope, description=text) for status, text in _ERRORS.items()}
    if public:
        bad = {status: bad[status] for status in (400, 401, 429)}
    narrowing = [filters] if filters and filters().fields else []
    parameters = [*narrowing, *(_LISTS if lists else ()), *([_IDEMPOTENCY] if creates else ())]

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        setattr(method, "has_body", body is not None)  # noqa: B010
        setattr(method, "schema", AutoSchema)  # noqa: B010  whatever the site's own API uses
        auth: Any = [] if public else None
        operation = summary.lower().replace(" ", "_")
        extended = extend_schema(
            operation_id=None if routes else operation,
            summary=summary,
            request={"application/json": body, "multipart/form-data": _FORM} if pictures else body,
            examples=examples.of(operation, str(next(iter(answers)))),
            responses={**good, **bad},
            parameters=parameters,
            auth=auth,
        )
        return extended(method)

    return decorate


_known: dict[str, Any] = {}


def _wrapped(name: str, what: Any, lists: bool, also: dict[str, Any]) -> Any:
    """``{name: what, "request_id": …}``, one component for each form."""
    inner = getattr(what, "child", what)
    kind = inner if isinstance(inner, type) else type(inner)
    many = "List" if hasattr(what, "child") else ""
    title = f"{kind.__name__}{many}{''.join(map(str.title, also))}Answer"
    if title not in _known:
        fields: dict[str, Any] = {name: what() if isinstance(what, type) else what, **also}
        fields["request_id"] = serializers.CharField()
        if lists:
            fields["next_cursor"] = serializers.CharField(allow_blank=True)
        _known[title] = inline_serializer(title, fields)
    return _known[title]


_EVENT = {
    "type": "object",
    "required": ["type", "timestamp", "data"],
    "properties": {
        "type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time", "description": "when it happened"},
        "data": {"type": "object", "description": "ids of what it happened to, and how that is now"},
    },
}
_SIGNED = {
    "webhook-id": "the same on every attempt",
    "webhook-timestamp": "of the attempt, in Unix seconds",
    "webhook-signature": "by the rules of Standard Webhooks: v1,…",
}


def webhooks() -> dict[str, Any]:
    """What endpoints are told: one webhook for each event."""
    parameters = [
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": text}
        for name, text in _SIGNED.items()
    ]
    arrived = {"2XX": {"description": "It has arrived. Everything else is tried again."}}
    content = {"application/json": {"schema": _EVENT, "example": examples.EVENT}}
    return {
        event.value: {
            "post": {
                "operationId": event.value.replace(".", "_"),
                "summary": str(event.label).capitalize(),
                "parameters": parameters,
                "requestBody": {"required": True, "content": content},
                "responses": arrived,
            }
        }
        for event in Event
    }


class ItemsOfScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A filter that leads by way of the items is written as what it is looked up by."""

    target_class = "product_imagery.api.filters._ItemsOf"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Any:
        """That field's own."""
        return auto_schema._map_serializer_field(self.target.field, direction)


class BodyScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A body has its declared fields and no others."""

    target_class = "product_imagery.api.serializers.base.Body"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> Any:
        """The serializer's own, closed."""
        found = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**found, "additionalProperties": False}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a key is sent."""

    target_class = "product_imagery.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """``Authorization: Bearer pik_…``."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "pik_live_… or pik_test_…"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A person of the staff."""

    target_class = "product_imagery.api.authentication.StaffSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Django's session cookie; unsafe methods need the CSRF token as well."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
