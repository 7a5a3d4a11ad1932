"""What went wrong."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ErrorOut(serializers.Serializer[Any]):
    """What went wrong."""

    code = serializers.CharField()
    message = serializers.CharField()
    request_id = serializers.CharField()
    details = serializers.DictField(required=False, help_text="by field, where the request is not valid")


class ErrorEnvelope(serializers.Serializer[Any]):
    """Every error comes in this form."""

    error = ErrorOut()
