"""Parsers of request bodies with limits of size and depth."""

from __future__ import annotations

import json
import re
from typing import Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser

from product_imagery.api.errors import TooLarge
from product_imagery.conf import get_settings

_CSRF = "csrfmiddlewaretoken"  #: part of forms sent with a session
_SUSPICIOUS = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")  #: escapes that may stand for an unstorable character
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")  #: lone surrogates and NUL
MAX_WITH_BASE64 = 20 * 1024 * 1024  #: bytes of a JSON body; larger pictures are sent as files of a form


class BoundedJSONParser(BaseParser):
    """Parse JSON of at most ``max_bytes``. Raises ``TooLarge``, or ``ParseError`` for invalid or deeply nested JSON.

    Not a subclass of DRF's parser, which reads the whole body into memory within the site's limit for forms.
    """

    media_type = "application/json"
    max_bytes = 1024 * 1024

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the parsed body."""
        content = stream.read(self.max_bytes + 1)
        if len(content) > self.max_bytes:
            raise TooLarge(f"The request has more than {self.max_bytes / 1e6:.0f} MB.")
        return _read(content, "The request")


def _read(content: bytes | str, subject: str) -> Any:
    """Parse strict JSON. Raises ``ParseError``; ``subject`` begins its message."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        parsed = json.loads(text, parse_constant=_refuse)
        storable = not _SUSPICIOUS.search(text) or _is_storable(parsed)
    except (RecursionError, ValueError) as error:
        raise ParseError(f"{subject} is not valid JSON.") from error
    if not storable:
        raise ParseError(f"{subject} contains half a surrogate pair or a NUL character, which cannot be stored.")
    return parsed


def _is_storable(value: Any) -> bool:
    """Return true if every string in it, names included, can be stored and encoded as UTF-8."""
    if isinstance(value, dict):
        return all(_is_storable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(_is_storable, value))
    return not isinstance(value, str) or not _UNSTORABLE.search(value)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class JSONWithPicturesParser(BoundedJSONParser):
    """Parse JSON with pictures in base64, at most 20 MiB."""

    max_bytes = MAX_WITH_BASE64


class FormWithPicturesParser(MultiPartParser):
    """Parse a form with files.

    Its part ``request`` is the JSON of the request, in which ``"image": {"file": "a"}`` refers to the part ``a``.
    Without that part, the parts of the form are the fields of the request.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the fields of the request, with files in place of references to parts."""
        request = (parser_context or {})["request"]
        max_bytes = get_settings().api_upload_bytes
        if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
            raise TooLarge(f"The request has more than {max_bytes / 1e6:.0f} MB.")
        form: Any = super().parse(stream, media_type, parser_context)
        fields = {name: value for name, value in form.data.dict().items() if name != _CSRF}
        if "request" not in fields:
            return {**fields, **form.files.dict()}
        body = _read(fields.pop("request"), "The part “request”")
        if not isinstance(body, dict):
            raise ParseError("The part “request” is not a JSON object.")
        unused = {**fields, **form.files.dict()}
        places = [body, *(body["images"] if isinstance(body.get("images"), list) else [])]
        for place in places:
            if isinstance(place, dict) and isinstance(place.get("image"), dict):
                name = place["image"].get("file")
                place["image"] = _part(form.files, name)
                unused.pop(name, None)
        if unused:
            raise ValidationError({name: ["The part “request” does not mention this part."] for name in unused})
        return body


def _part(files: Any, name: Any) -> Any:
    if not isinstance(name, str) or name not in files:
        raise ValidationError({"image": [f"There is no part “{str(name)[:80]}” in this form."]})
    return files[name]
