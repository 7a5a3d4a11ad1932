"""Base classes of all views: authentication, permissions, rate limit, request id, envelopes, transactions."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.filters import BaseFilterBackend
from rest_framework.generics import GenericAPIView
from rest_framework.metadata import BaseMetadata, SimpleMetadata
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ViewSetMixin

from product_imagery.api import errors
from product_imagery.api.authentication import KeyAuthentication, StaffSession
from product_imagery.api.filters import Filters, NoFilters, QueryFilterBackend, validated_filters
from product_imagery.api.pagination import NewestFirstPagination
from product_imagery.api.parsers import BoundedJSONParser, FormWithPicturesParser, JSONWithPicturesParser
from product_imagery.api.permissions import HasScope
from product_imagery.api.products import Viewer
from product_imagery.api.schema import EnvelopeSchema
from product_imagery.api.serializers.base import Body, NoBody
from product_imagery.api.throttling import KeyRateThrottle
from product_imagery.models import ApiKey, Scope
from product_imagery.transactions import own_transactions

PICTURE_PARSERS = (JSONWithPicturesParser, FormWithPicturesParser)
_Row = TypeVar("_Row", bound=Model)
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


class PlainMetadata(SimpleMetadata):
    """Respond to OPTIONS with parsers and renderers only: the OpenAPI schema describes the fields."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """Return no fields: ``serializer_class`` describes responses, not request bodies."""
        return {}


class ApiView(GenericAPIView[Any]):
    """Base of single views. A host may override every class attribute."""

    authentication_classes: tuple[type[BaseAuthentication], ...] = (KeyAuthentication, StaffSession)
    permission_classes: tuple[type[BasePermission], ...] = (HasScope,)
    throttle_classes: tuple[type[BaseThrottle], ...] = (KeyRateThrottle,)
    renderer_classes: tuple[type[BaseRenderer], ...] = (JSONRenderer,)
    parser_classes: tuple[type[BaseParser], ...] = (BoundedJSONParser,)
    metadata_class: type[BaseMetadata] = PlainMetadata
    exception_handler: Callable[..., Response] = staticmethod(errors.handle)
    scope: ClassVar[Scope] = Scope.ENHANCE  #: required for unsafe methods; safe ones require ``read``
    throttle_weight = 1  #: how many requests one request counts as
    request_id = ""
    schema = EnvelopeSchema()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Exempt the view from ``ATOMIC_REQUESTS``: an error must not roll back the count of the rate limit."""
        return own_transactions(super().as_view(**initkwargs))

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Adopt the caller's ``X-Request-Id``, or generate one."""
        given = request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.match(given) else f"req_{uuid.uuid4().hex}"
        return super().initialize_request(request, *args, **kwargs)

    def get_throttles(self) -> list[BaseThrottle]:
        """Keep the throttles of this request: ``finalize_response`` reads their headers."""
        self.throttles = super().get_throttles()
        return self.throttles

    def get_exception_handler(self) -> Any:
        """Return the handler of this class instead of ``EXCEPTION_HANDLER``, which is for the site's own API."""
        return self.exception_handler

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the headers of request id, rate limit and caching."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["X-Request-Id"] = self.request_id
        response["Cache-Control"] = "private, no-store"
        for throttle in getattr(self, "throttles", ()):
            for name, value in getattr(throttle, "headers", {}).items():
                response[name] = value
        return response

    def respond(self, name: str, content: Any, status: int = 200, **extra: Any) -> Response:
        """Return ``{name: content, **extra, "request_id": …}``."""
        return Response({name: content, **extra, "request_id": self.request_id}, status=status)

    @property
    def caller(self) -> Any:
        """The owner of the key, or the person with the session. Not for views with ``AllowAny``."""
        return self.request.user

    @property
    def key(self) -> ApiKey | None:
        """The key of the request; ``None`` for a person with a session."""
        auth = self.request.auth
        return auth if isinstance(auth, ApiKey) else None

    @property
    def viewer(self) -> Viewer:
        """The caller as a viewer of products."""
        return Viewer(self.caller, self.key)

    def ownership(self, owner_field: str = "owner") -> dict[str, Any]:
        """Return lookups for the caller's own rows. Test keys see rows made with test keys, other callers the rest.

        ``is_test__in``: Django writes ``is_test=False`` as ``NOT is_test``, for which SQLite uses no index.
        """
        return {owner_field: self.caller, "is_test__in": (self.viewer.makes_tests,)}

    @property
    def new_ownership(self) -> dict[str, Any]:
        """Field values that make a new row the caller's own."""
        return {"owner": self.caller, "is_test": self.viewer.makes_tests}


class ApiViewSet(ViewSetMixin, ApiView):
    """Base of the view sets. Querysets are limited to the caller's own rows; responses are envelopes.

    ``input_serializers`` maps actions to the serializers of their bodies; an unsafe action without one refuses every
    field. ``throttle_weights`` maps actions to the number of requests that they count as, if it is not 1.
    """

    singular: ClassVar[str] = ""  #: key of one row in responses
    plural: ClassVar[str] = ""  #: key of a list in responses
    owner_field: ClassVar[str] = "owner"
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filter_backends: tuple[type[BaseFilterBackend], ...] = (QueryFilterBackend,)
    filter_class: type[Filters] = NoFilters
    pagination_class: type[BasePagination] | None = NewestFirstPagination
    input_serializers: ClassVar[Mapping[str, type[Body]]] = {}
    throttle_weights: ClassVar[Mapping[str, int]] = {}

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Exempt the view from ``ATOMIC_REQUESTS``, as ``ApiView`` does."""
        return own_transactions(super().as_view(actions, **initkwargs))

    @property
    def throttle_weight(self) -> int:  # type: ignore[override]
        """Number of requests that the current action counts as."""
        return self.throttle_weights.get(self.action or "", 1)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body if the action takes none. Raises ``ValidationError``."""
        super().initial(request, *args, **kwargs)
        unsafe = self.action and request.method not in SAFE_METHODS
        if unsafe and self.action not in self.input_serializers and request.data:
            NoBody(data=request.data).is_valid(raise_exception=True)

    def validated_input(self) -> dict[str, Any]:
        """Return the validated body of the current action. Raises ``ValidationError``."""
        serializer = self.input_serializers[self.action](data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def validated_filters(self) -> dict[str, Any]:
        """Return the query parameters by lookup, for lists that are not querysets. Raises ``ValidationError``."""
        return validated_filters(self.request, self.filter_class)

    def get_queryset(self) -> QuerySet[Any]:
        """Return the caller's rows."""
        return super().get_queryset().filter(**self.ownership(self.owner_field))

    def get_object(self) -> Any:
        """Return the row that the URL identifies; list filters do not apply. Raises ``NotFound``."""
        key = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        found = self.find(self.get_queryset(), key, self.singular.replace("_", " "))
        self.check_object_permissions(self.request, found)
        return found

    def find(self, rows: QuerySet[_Row], uuid: Any, name: str) -> _Row:
        """Return the row with this id. Raises ``NotFound``; ``name`` is the noun in its message."""
        found = rows.filter(uuid=uuid).first()
        if found is None:
            raise NotFound(f"There is no such {name}.")
        return found

    def row_response(self, row: Any, status: int = 200, **extra: Any) -> Response:
        """Return the envelope of one row."""
        return self.respond(self.singular, self.get_serializer(row).data, status, **extra)


class RetrieveMixin:
    """``retrieve`` with the envelope. For ``list``, DRF's ``ListModelMixin`` is enough."""

    def retrieve(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one row."""
        return self.row_response(self.get_object())  # type: ignore[no-any-return]
