"""What comes from outside: bounded in size and depth."""

from __future__ import annotations

import json
import re
from typing import Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser

from product_imagery.api.errors import TooLarge
from product_imagery.conf import get_settings

_MOST_BYTES = 1024 * 1024
_CSRF = "csrfmiddlewaretoken"  #: comes with the forms of people who have a session
_SUSPICIOUS = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")  #: escapes that may, but need not, be half a character
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
MOST_WITH_BASE64 = 20 * 1024 * 1024  #: larger pictures come as files of a form


class BoundedJSONParser(BaseParser):
    """Raises ``TooLarge`` for more than 1 MiB, ``ParseError`` for what is no JSON or nested beyond reason.

    No subclass of DRF's: those are given the body in memory, within the site's limit for forms.
    """

    media_type = "application/json"
    most_bytes = _MOST_BYTES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The JSON in the body."""
        content = stream.read(self.most_bytes + 1)
        if len(content) > self.most_bytes:
            raise TooLarge(f"The request has more than {self.most_bytes / 1e6:.0f} MB.")
        return _read(content, "The request")


def _read(content: bytes | str, what: str) -> Any:
    """JSON as the standard has it. Raises ``ParseError``, which names ``what``."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        found = json.loads(text, parse_constant=_refuse)
        storable = not _SUSPICIOUS.search(text) or _is_storable(found)
    except (RecursionError, ValueError) as error:
        raise ParseError(f"{what} is not readable JSON.") from error
    if not storable:
        raise ParseError(f"{what} holds half a surrogate pair or a NUL character, which is no text.")
    return found


def _is_storable(value: Any) -> bool:
    """Whether every text in it, names included, is one that a database and an answer can hold."""
    if isinstance(value, dict):
        return all(_is_storable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(_is_storable, value))
    return not isinstance(value, str) or not _UNSTORABLE.search(value)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class JSONWithPicturesParser(BoundedJSONParser):
    """JSON with pictures in base64: up to 20 MiB."""

    most_bytes = MOST_WITH_BASE64


class FormWithPicturesParser(MultiPartParser):
    """A form. Its part ``request`` is the JSON of the request, in which ``"image": {"file": "a"}`` stands for the part
    ``a``; without one, its parts are the fields.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The same as the JSON would be, with files in the place of pictures."""
        request = (parser_context or {})["request"]
        most = get_settings().api_upload_bytes
        if int(request.META.get("CONTENT_LENGTH") or 0) > most:
            raise TooLarge(f"The request has more than {most / 1e6:.0f} MB.")
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
