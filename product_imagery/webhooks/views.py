"""Views for providers: webhooks, and source pictures at signed URLs."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from product_imagery.exceptions import ImageryError, RequestError
from product_imagery.flows.inbound import receive
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.models import EnhancementItem, ProviderCredential
from product_imagery.products import description_for
from product_imagery.public_urls import read_signature
from product_imagery.storage.names import beside_results
from product_imagery.storage.store import results_storage
from product_imagery.transactions import own_transactions

logger = logging.getLogger("product_imagery")

_MAX_BYTES = 256 * 1024  #: of the body of a webhook


@own_transactions
@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest, credential: uuid.UUID) -> HttpResponse:
    """Store a webhook of a provider.

    200 if it is stored; 401 for a wrong signature; 404 for an unknown credential or one without webhooks; 405; 413 for
    a body of more than 256 KiB; 503 if it could not be stored. Exempt from ``ATOMIC_REQUESTS``, so that an error in
    processing the delivery does not roll back its row.
    """
    stated = request.META.get("CONTENT_LENGTH") or "0"
    if not stated.isdecimal() or int(stated) > _MAX_BYTES:
        return _plain("too large", 413)
    found = None
    try:
        found = ProviderCredential.objects.for_webhook(credential)
        return _stored(request, found)
    except DatabaseError:  # after a 503, providers send it again
        logger.warning("A webhook of a provider could not be stored.", exc_info=True, extra=_ids(found))
        return _plain("try again", 503)


def _stored(request: HttpRequest, credential: ProviderCredential | None) -> HttpResponse:
    if credential is None or not credential.declared.webhooks:
        raise Http404
    try:
        body = request.body
    except RequestDataTooBig:
        return _plain("too large", 413)
    if len(body) > _MAX_BYTES:
        return _plain("too large", 413)
    try:
        receive(credential, dict(request.headers), body, _token(request))
    except RequestError as error:
        about = _ids(credential)
        logger.warning("A webhook for the credential “%s” was refused: %s", credential, error.message, extra=about)
        return _plain("not genuine", 401)
    return _plain("ok", 200)


def _ids(credential: ProviderCredential | None) -> dict[str, Any]:
    """Return ``extra`` for a log record. The id in the URL is a secret and never logged."""
    return {"credential": credential.pk, "provider": credential.provider} if credential else {}


def _plain(text: str, status: int) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain")
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the URL, which is secret
    return response


@login_not_required
@require_safe
def source(request: HttpRequest, signed: str) -> HttpResponseBase:
    """Serve a source picture at its signed URL. Raises ``Http404``, also after the URL has expired."""
    try:
        uuid_, copy = read_signature(signed)
        item = EnhancementItem.objects.get(uuid=uuid_)
        if copy:
            handle = results_storage().open(beside_results(item.uuid, copy), "rb")
        else:
            handle = description_for(item.content_type_id).storage.open(item.source_name, "rb")
    except (signing.BadSignature, EnhancementItem.DoesNotExist, ImageryError, OSError, ValueError):
        raise Http404 from None
    suffix = suffix_of(handle.read(HEAD))
    if not suffix:  # the content is not a picture, whatever the file name says
        handle.close()
        raise Http404
    handle.seek(0)
    response = FileResponse(handle, as_attachment=True, filename=f"source{suffix}")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=300"
    return response


def _token(request: HttpRequest) -> str:
    try:
        return str(uuid.UUID(request.GET.get("job", "")))
    except ValueError:
        return ""
