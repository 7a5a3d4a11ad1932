"""Views for providers: webhooks, and signed addresses of source pictures."""

from __future__ import annotations

import logging
import uuid

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

_MOST_BYTES = 256 * 1024


@own_transactions
@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest, credential: uuid.UUID) -> HttpResponse:
    """Store a webhook of a provider: 200 when it is stored, 401 for a wrong signature, 404, 405, 413, 503.

    Runs outside of ``ATOMIC_REQUESTS``, so that the stored delivery survives an error in processing it.
    """
    try:
        return _stored(request, credential)
    except DatabaseError:  # it was not stored: the provider will send it again
        logger.warning("A webhook of a provider could not be stored.", exc_info=True)
        return _plain("try again", 503)


def _stored(request: HttpRequest, credential: uuid.UUID) -> HttpResponse:
    stated = request.META.get("CONTENT_LENGTH") or "0"
    if not stated.isdecimal() or int(stated) > _MOST_BYTES:
        return _plain("too large", 413)
    account = ProviderCredential.objects.called_at(credential)
    if account is None or not account.declared.webhooks:
        raise Http404
    try:
        body = request.body
    except RequestDataTooBig:
        return _plain("too large", 413)
    if len(body) > _MOST_BYTES:
        return _plain("too large", 413)
    try:
        receive(account, dict(request.headers), body, _token(request))
    except RequestError as error:
        ids = {"provider": account.provider, "credential": account.pk}
        logger.warning("A webhook for the account “%s” was refused: %s", account, error.message, extra=ids)
        return _plain("not genuine", 401)
    return _plain("ok", 200)


def _plain(text: str, status: int) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain")
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the address, which is a secret
    return response


@login_not_required
@require_safe
def source(request: HttpRequest, signed: str) -> HttpResponseBase:
    """Serve a source picture at its signed address, until that expires. Raises ``Http404``."""
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
    if not suffix:  # not a picture, whatever its name is
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
