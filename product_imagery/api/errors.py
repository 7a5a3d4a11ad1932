"""The envelope of errors: ``{"error": {"code", "message", "request_id"}}``, with ``details`` by field."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    ParseError,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.exceptions import PermissionDenied as Forbidden
from rest_framework.response import Response
from rest_framework.views import set_rollback

from product_imagery.exceptions import (
    ConfigurationError,
    ImageryError,
    NothingToDo,
    OptionError,
    ProviderError,
    RequestError,
    SecretError,
    StateError,
    StorageError,
)

logger = logging.getLogger("product_imagery")

_BUSY_SECONDS = 2  #: ``Retry-After`` while the database is unavailable


class Conflict(APIException):
    """409 Conflict; the envelope may list the products that were left out."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"

    def __init__(self, message: str, code: str = "", left_out: Sequence[Any] = ()) -> None:
        super().__init__(message, code or self.default_code)
        self.left_out = left_out


class TooLarge(APIException):
    """413 Request Entity Too Large."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


#: HTTP status by class of error; the first match counts
_STATUS: tuple[tuple[type[ImageryError], int], ...] = (
    (NothingToDo, status.HTTP_409_CONFLICT),
    (StateError, status.HTTP_409_CONFLICT),
    (OptionError, status.HTTP_400_BAD_REQUEST),
    (RequestError, status.HTTP_400_BAD_REQUEST),
    (StorageError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (SecretError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (ConfigurationError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (ProviderError, status.HTTP_502_BAD_GATEWAY),
)
#: HTTP status by code, before the status by class
_STATUS_OF_CODE = {"over_budget": status.HTTP_402_PAYMENT_REQUIRED}
#: code by class of DRF's exceptions
_CODES: dict[type[APIException], str] = {
    NotAuthenticated: "not_authenticated",
    NotFound: "not_found",
    ParseError: "invalid_json",
    MethodNotAllowed: "method_not_allowed",
    UnsupportedMediaType: "unsupported_media_type",
    Throttled: "rate_limited",
}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Return the envelope for an exception. An unexpected one is logged and becomes a 500."""
    set_rollback()  # as in DRF's own handler: for sites with ATOMIC_REQUESTS
    request_id = getattr(context["view"], "request_id", "")
    if isinstance(error, OperationalError):
        return _busy(error, request_id)
    if isinstance(error, ImageryError):
        return envelope(_status_of(error), error.code, error.message, request_id)
    error = _translated(error)
    if not isinstance(error, APIException):
        return _unexpected(error, context, request_id)
    response = envelope(error.status_code, _code_of(error), _sentence_of(error), request_id)
    if isinstance(error, ValidationError):
        response.data["error"]["details"] = error.detail
    if isinstance(error, Conflict) and error.left_out:
        response.data["error"]["left_out"] = error.left_out
    wait = getattr(error, "wait", None)
    if wait is not None:
        response["Retry-After"] = str(max(1, math.ceil(wait)))
    header = getattr(error, "auth_header", None)
    if header:
        response["WWW-Authenticate"] = header
    return response


def _busy(error: OperationalError, request_id: str) -> Response:
    ids = {"request_id": request_id}
    logger.warning("The database could not serve request %s.", request_id, exc_info=error, extra=ids)
    sentence = "The database is busy or unavailable. Nothing was done. Send the same request again in a moment."
    response = envelope(status.HTTP_503_SERVICE_UNAVAILABLE, "busy", sentence, request_id)
    response["Retry-After"] = str(_BUSY_SECONDS)
    return response


def _unexpected(error: Exception, context: dict[str, Any], request_id: str) -> Response:
    logger.error("Request %s failed.", request_id, exc_info=error, extra={"request_id": request_id})
    request = getattr(context.get("request"), "_request", None)
    got_request_exception.send(sender=type(context["view"]), request=request)  # for the site's error monitoring
    sentence = "Something went wrong on this site. The site's log has the details under this request_id."
    return envelope(status.HTTP_500_INTERNAL_SERVER_ERROR, "server_error", sentence, request_id)


def _translated(error: Exception) -> Exception:
    """Return DRF's counterpart of an exception of Django; any other exception as it is."""
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return Forbidden("This is not allowed.", code="forbidden")
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return TooLarge("The form has too many parts for this site, or parts that are too large.")
    return error


def envelope(status_code: int, code: str, message: str, request_id: str) -> Response:
    """Return the error envelope."""
    return Response({"error": {"code": code, "message": message, "request_id": request_id}}, status=status_code)


def _status_of(error: ImageryError) -> int:
    by_class = next((code for kind, code in _STATUS if isinstance(error, kind)), status.HTTP_400_BAD_REQUEST)
    return _STATUS_OF_CODE.get(error.code, by_class)


def _code_of(error: APIException) -> str:
    if isinstance(error, ValidationError):
        return "invalid_request"
    if isinstance(error, AuthenticationFailed):
        return str(error.get_codes())
    return _CODES.get(type(error)) or str(error.get_codes())


def _sentence_of(error: APIException) -> str:
    if isinstance(error, ValidationError):
        return "The request is not valid. “details” lists the problems by field."
    return str(error.detail)
