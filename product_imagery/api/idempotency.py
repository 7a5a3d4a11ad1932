"""``Idempotency-Key``: a repeated request does its work once, also concurrently and after a crash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.core.files.base import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.errors import Conflict
from product_imagery.encryption import seal, unseal
from product_imagery.models import ApiKey, StoredResponse

_HEADER = "Idempotency-Key"
KEY_FORM = "^[A-Za-z0-9._:-]{8,160}$"


def once(request: Request, work: Callable[[], Response], *, sealed: bool = False) -> Response:
    """Do ``work`` in a transaction, once per key; a repetition gets the stored response of the first.

    ``sealed``: the response contains a secret and is stored encrypted. Only successful responses are stored: a request
    that failed may be repeated with the same key. Raises ``ValidationError`` for a missing or malformed key, and
    ``Conflict`` if the key was used for another request.
    """
    key, digest = _key(request), _digest(request)
    mine: dict[str, Any] = {"owner": request.user, "is_test": _is_test(request), "key": key}
    try:
        with transaction.atomic():
            stored = StoredResponse.objects.create(**mine, digest=digest)
            response = work()
            body = json.dumps(response.data, cls=DjangoJSONEncoder)
            content = seal(body, _context(request, key)) if sealed else body
            StoredResponse.objects.filter(pk=stored.pk).update(status=response.status_code, body=content)
            return Response(json.loads(body), status=response.status_code)
    except IntegrityError:
        found = StoredResponse.objects.filter(**mine).first()
        if found is None:
            raise
    if found.digest != digest:
        raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_conflict")
    body = unseal(found.body, _context(request, key)).reveal() if sealed else found.body
    return Response(json.loads(body), status=found.status, headers={"Idempotent-Replayed": "true"})


def _context(request: Request, key: str) -> str:
    """Return the context that binds the sealed response to its owner and key."""
    return f"answer to {request.user.pk} {key}"


def _key(request: Request) -> str:
    text = request.headers.get(_HEADER, "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not re.fullmatch(KEY_FORM, text):
        sentence = "Send your own key of 8 to 160 letters, digits and . _ : - with each create."
        raise ValidationError({_HEADER: [sentence]})
    return text


def _is_test(request: Request) -> bool:
    """Return whether a test key asks: live and test keys of one owner do not share idempotency keys."""
    return isinstance(request.auth, ApiKey) and request.auth.is_test


def _digest(request: Request) -> str:
    """Return the digest of method, path and body."""
    identity: list[Any] = [request.method, request.path, request.data]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, cls=_Encoder).encode()).hexdigest()


class _Encoder(DjangoJSONEncoder):
    """Encode files of a form as digests of their contents."""

    def default(self, o: Any) -> Any:
        if not isinstance(o, File):
            return super().default(o)
        found = hashlib.sha256()
        for chunk in o.chunks():
            found.update(chunk)
        return found.hexdigest()
