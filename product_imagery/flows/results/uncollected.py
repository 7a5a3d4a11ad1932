"""Uncollected: error messages about pictures that are made and paid for, and cannot be fetched or stored now.

The messages about sources (“Upload a JPEG …”) would mislead: nobody here can upload what a provider has made.
"""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import urlsplit

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ImageryError, StorageError

_FREE = "Then try again: that only fetches it and costs nothing."
_SHOWN = 200  #: characters of an address that are shown
#: by the code of the error: the problem, and the remedy. ``{why}`` is the error's own sentence.
_Sentences: TypeAlias = dict[str, tuple[str, str]]
_SENTENCES: _Sentences = {
    "unsafe_address": ("from where nothing is fetched. {why}", "Allow its host:port in FETCH_ALLOW if you trust it."),
    "too_many_redirects": ("and is led on too often to be fetched.", "Ask {provider}, or wait."),
    "foreign_host": ("which is none of the hosts that RESULT_HOSTS allows.", "Add {host} to RESULT_HOSTS."),
    "too_large": ("and has more than {megabytes} MB.", "Raise RESULT_BYTES."),
    "too_many_bytes": ("and has more than {megabytes} MB.", "Raise RESULT_BYTES."),
    "too_many_pixels": ("and has more than {megapixels} megapixels.", "Raise {pixels_setting}."),
    "engine_crashed": ("and takes more memory than an imaging process has.", "Raise MEMORY_PER_PROCESS."),
    "engine_timeout": ("and takes too long to read.", "Raise SECONDS_PER_PICTURE."),
    "gone": ("but is not given out there.", "If that stays so, only making it anew helps, which costs again."),
}
#: codes of errors that only a change of our own settings can remedy
_OURS = ("unsafe_address", "foreign_host", "too_many_redirects", "too_large", "too_many_bytes", "too_many_pixels")
_UNREADABLE = ("but what comes from there is no picture that can be read. {why}", "Wait, or ask {provider}.")
_UNREADABLE_CODES = ("not_an_image", "unsupported_format", "damaged", "animated", "empty", "too_small")
_NO_REASON_SHOWN = ("not_an_image", "unsupported_format", "damaged")  #: the sentences of these errors speak of uploads
_OUR_STORAGE = ("and cannot be stored here. {why}", "Look after the storage of results.")
_OTHER = ("but could not be fetched. {why}", "Wait, or look at the connection to it.")


def of_result(error: ImageryError, url: str, provider: str) -> ImageryError:
    """Return an error of the same class and code, with a message about a result at ``url``."""
    what, remedy = _sentences(error)
    settings = get_settings()
    pixels = settings.result_bounds()["max_pixels"]
    facts = {
        "why": "" if error.code in _NO_REASON_SHOWN else error.message,
        "provider": provider,
        "host": urlsplit(url).hostname if _is_plain(url) else "it",
        "megabytes": f"{settings.result_bytes / 1e6:.0f}",
        "megapixels": f"{pixels / 1e6:.0f}",
        "pixels_setting": "RESULT_PIXELS" if pixels == settings.result_pixels else "MEMORY_PER_PROCESS",
    }
    said = f"The picture is made and paid for. It lies at {_shown(url)}, {what.format(**facts).strip()} "
    return type(error)(f"{said}{remedy.format(**facts)} {_FREE}", code=error.code, detail=error.detail)


def waits_for_us(error: ImageryError) -> bool:
    """Return true if a picture cannot be fetched before somebody changes the settings here: waiting does not help."""
    return error.code in _OURS


def _sentences(error: ImageryError) -> tuple[str, str]:
    if error.code in _SENTENCES:
        return _SENTENCES[error.code]
    if isinstance(error, StorageError):
        return _OUR_STORAGE
    if error.code in _UNREADABLE_CODES or isinstance(error, EngineError):
        return _UNREADABLE
    return _OTHER


def _is_plain(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _shown(url: str) -> str:
    """Return an address without its query, which may give access to the picture."""
    return url.partition("?")[0].partition("#")[0][:_SHOWN] or "an unknown place"
