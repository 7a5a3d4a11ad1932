"""``Idempotency-Key``: the same request twice is one piece of work, however close together, and after a crash."""

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

from product_imagery import vault
from product_imagery.api.errors import Conflict
from product_imagery.models import ApiKey, StoredAnswer

_HEADER = "Idempotency-Key"
KEY_FORM = "^[A-Za-z0-9._:-]{8,160}$"


def once(request: Request, work: Callable[[], Response], *, sealed: bool = False) -> Response:
    """Do ``work`` in a transaction, once for each key; a repetition gets the answer of the first.

    ``sealed``: the answer holds a secret, and is kept encrypted. Only good answers are kept: what failed may be tried
    again with the same key. Raises ``ValidationError`` for a missing or malformed key, ``Conflict`` where the key came
    with another request before.
    """
    key, digest = _key(request), _digest(request)
    mine: dict[str, Any] = {"owner": request.user, "is_test": _is_test(request), "key": key}
    try:
        with transaction.atomic():
            stored = StoredAnswer.objects.create(**mine, digest=digest)
            answer = work()
            body = json.dumps(answer.data, cls=DjangoJSONEncoder)
            kept = vault.seal(body, _place(request, key)) if sealed else body
            StoredAnswer.objects.filter(pk=stored.pk).update(status=answer.status_code, body=kept)
            return Response(json.loads(body), status=answer.status_code)
    except IntegrityError:
        found = StoredAnswer.objects.filter(**mine).first()
        if found is None:
            raise
    if found.digest != digest:
        raise Conflict("This Idempotency-Key came with another request before.", code="idempotency_conflict")
    body = vault.unseal(found.body, _place(request, key)).reveal() if sealed else found.body
    return Response(json.loads(body), status=found.status, headers={"Idempotent-Replayed": "true"})


def _place(request: Request, key: str) -> str:
    return f"answer to {request.user.pk} {key}"


def _key(request: Request) -> str:
    text = request.headers.get(_HEADER, "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not re.fullmatch(KEY_FORM, text):
        sentence = "Send a key of your own, 8 to 160 letters, digits and . _ : - with each create."
        raise ValidationError({_HEADER: [sentence]})
    return text


def _is_test(request: Request) -> bool:
    """A live and a test key of one owner are two askers."""
    return isinstance(request.auth, ApiKey) and request.auth.is_test


def _digest(request: Request) -> str:
    """Of what was asked for and where."""
    asked: list[Any] = [request.method, request.path, request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, cls=_Encoder).encode()).hexdigest()


class _Encoder(DjangoJSONEncoder):
    """Files of a form count with their contents."""

    def default(self, o: Any) -> Any:
        if not isinstance(o, File):
            return super().default(o)
        found = hashlib.sha256()
        for chunk in o.chunks():
            found.update(chunk)
        return found.hexdigest()
