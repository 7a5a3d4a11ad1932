"""What every view of the API shares: who asks, may they, how often; the request's id; JSON in and out."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from product_imagery.api import errors, throttling
from product_imagery.api.authentication import KeyAuthentication, StaffSession
from product_imagery.api.parsers import BoundedJSONParser, FormWithPicturesParser, JSONWithPicturesParser
from product_imagery.api.permissions import MayUse
from product_imagery.api.products import Viewer
from product_imagery.api.serializers.base import NoBody
from product_imagery.models import ApiKey, Scope
from product_imagery.transactions import own_transactions

PICTURE_PARSERS = (JSONWithPicturesParser, FormWithPicturesParser)
_Row = TypeVar("_Row", bound=Model)
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


class ApiView(APIView):
    """Base view. ``scope`` is what unsafe methods need, ``weight`` how much of the key's limit one of those uses."""

    authentication_classes: tuple[type[BaseAuthentication], ...] = (KeyAuthentication, StaffSession)
    permission_classes: tuple[type[BasePermission], ...] = (MayUse,)
    renderer_classes = (JSONRenderer,)
    parser_classes: tuple[type[BaseParser], ...] = (BoundedJSONParser,)
    scope: ClassVar[Scope] = Scope.ENHANCE
    weight: ClassVar[int] = 1
    weight_of_get: ClassVar[int] = 1
    request_id = ""
    schema = AutoSchema()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, with transactions of its own: what was counted before an error stays counted, whatever the site
        makes of its requests (``ATOMIC_REQUESTS``).
        """
        return own_transactions(super().as_view(**initkwargs))

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Take over the caller's ``X-Request-Id``, or make one."""
        given = request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.match(given) else f"req_{uuid.uuid4().hex}"
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nobody in who may not come, or not now."""
        super().initial(request, *args, **kwargs)
        self.limit_headers = throttling.count(
            request, self.weight_of_get if request.method in SAFE_METHODS else self.weight
        )
        self._refuse_a_body(request)

    def _refuse_a_body(self, request: Request) -> None:
        """Fields that an operation does not know are refused, also where it has none."""
        handler = getattr(self, str(request.method).lower(), None)
        if request.method not in SAFE_METHODS and not getattr(handler, "has_body", True) and request.data:
            NoBody(data=request.data).is_valid(raise_exception=True)

    def get_exception_handler(self) -> Any:
        """Ours, whatever the site's own API uses."""
        return errors.handle

    def handle_exception(self, exc: Exception) -> Response:
        """The envelope, with what the error wants to be in the headers."""
        response = super().handle_exception(exc)
        for name, value in getattr(exc, "headers", {}).items():
            response[name] = value
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say which request this was and how many are left; nothing of it belongs into a cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["X-Request-Id"] = self.request_id
        response["Cache-Control"] = "private, no-store"
        for name, value in getattr(self, "limit_headers", {}).items():
            response[name] = value
        return response

    def answer(self, name: str, content: Any, status: int = 200, **more: Any) -> Response:
        """``content`` under its name, with the request's id."""
        return Response({name: content, **more, "request_id": self.request_id}, status=status)

    def one_of(self, rows: QuerySet[_Row], uuid: Any, name: str) -> _Row:
        """The row with this id, of those that are the caller's. Raises ``NotFound``, which calls it ``name``."""
        found = rows.filter(uuid=uuid).first()
        if found is None:
            raise NotFound(f"There is no such {name}.")
        return found

    @property
    def caller(self) -> Any:
        """The owner of the key, or the person with the session: the views that ask let nobody else in."""
        return self.request.user

    @property
    def key(self) -> ApiKey | None:
        """The key of the request; ``None`` for a person with a session."""
        auth = self.request.auth
        return auth if isinstance(auth, ApiKey) else None

    @property
    def owned(self) -> dict[str, Any]:
        """What narrows enhancements to those of the caller: test keys see what test keys made, others the rest."""
        return {"actor": self.caller, **self._mode}

    @property
    def belonging(self) -> dict[str, Any]:
        """The same for what has an owner."""
        return {"owner": self.caller, **self._mode}

    @property
    def _mode(self) -> dict[str, Any]:
        """Not ``is_test=False``, which Django writes as ``NOT is_test``: SQLite uses no index for that."""
        return {"is_test__in": (self.viewer.makes_tests,)}

    @property
    def belonging_to_make(self) -> dict[str, Any]:
        """What says so of something new."""
        return {"owner": self.caller, "is_test": self.viewer.makes_tests}

    @property
    def viewer(self) -> Viewer:
        """Whose products these are."""
        return Viewer(self.caller, self.key)
