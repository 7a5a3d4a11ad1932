"""Serializers of errors."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ErrorOut(serializers.Serializer[Any]):
    """An error. Rely on `code`; show `message` to people."""

    code = serializers.CharField()
    message = serializers.CharField()
    request_id = serializers.CharField()
    details = serializers.DictField(required=False, help_text="Problems by field, if the request is not valid.")


class ErrorEnvelope(serializers.Serializer[Any]):
    """The response to a request that failed."""

    error = ErrorOut()
