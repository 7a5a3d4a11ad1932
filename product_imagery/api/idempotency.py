"""``Idempotency-Key``: a repeated request gets the response of the first one, and does nothing.

The row of the key is inserted in the transaction of the work. A concurrent repetition waits for that transaction; a
crash rolls back both::

    request A inserts key k, starts an enhancement, commits with its response
    request B inserts key k: waits for A, then ``IntegrityError``: returns the response of A
"""

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


def idempotent_response(request: Request, work: Callable[[], Response], *, sealed: bool = False) -> Response:
    """Return the response of ``work``, or the stored one if a request with the same key succeeded before.

    ``work`` runs in a transaction; if it raises, nothing is stored, and the key may be used again. ``sealed``: the
    response contains a secret and is stored encrypted. Raises ``ValidationError`` for a missing or malformed key, and
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
    """Return the encryption context that binds a sealed response to its owner and key. It is part of stored data."""
    return f"answer to {request.user.pk} {key}"


def _key(request: Request) -> str:
    text = request.headers.get(_HEADER, "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not re.fullmatch(KEY_FORM, text):
        sentence = "Send a key of your own with this request: 8 to 160 letters, digits and . _ : -"
        raise ValidationError({_HEADER: [sentence]})
    return text


def _is_test(request: Request) -> bool:
    """Return true for a test key. Test keys and live keys of one owner do not share idempotency keys."""
    return isinstance(request.auth, ApiKey) and request.auth.is_test


def _digest(request: Request) -> str:
    """Return the SHA-256 of method, path and body, in hex."""
    identity: list[Any] = [request.method, request.path, request.data]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, cls=_Encoder).encode()).hexdigest()


class _Encoder(DjangoJSONEncoder):
    """JSON in which each file of a form is replaced by the SHA-256 of its content."""

    def default(self, o: Any) -> Any:
        if not isinstance(o, File):
            return super().default(o)
        digest = hashlib.sha256()
        for chunk in o.chunks():
            digest.update(chunk)
        return digest.hexdigest()
