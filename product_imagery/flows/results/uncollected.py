"""Uncollected: error messages about pictures that are made and paid for, and cannot be fetched or stored now.

The messages about sources (“Upload a JPEG …”) would mislead: nobody here can upload what a provider has made.
"""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import urlsplit

from django.utils.translation import gettext, gettext_noop

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ImageryError, StorageError

_FREE = gettext_noop("Then try again: that only fetches it and costs nothing.")
_SHOWN = 200  #: characters of an address that are shown
#: by the code of the error: the problem, and the remedy. ``%(why)s`` is the error's own sentence.
_Sentences: TypeAlias = dict[str, tuple[str, str]]
_SENTENCES: _Sentences = {
    "unsafe_address": (
        gettext_noop("from where nothing is fetched. %(why)s"),
        gettext_noop("Allow its host:port in FETCH_ALLOW if you trust it."),
    ),
    "too_many_redirects": (
        gettext_noop("and is led on too often to be fetched."),
        gettext_noop("Ask %(provider)s, or wait."),
    ),
    "foreign_host": (
        gettext_noop("which is none of the hosts that RESULT_HOSTS allows."),
        gettext_noop("Add %(host)s to RESULT_HOSTS."),
    ),
    "too_large": (gettext_noop("and has more than %(megabytes)s MB."), gettext_noop("Raise RESULT_BYTES.")),
    "too_many_bytes": (gettext_noop("and has more than %(megabytes)s MB."), gettext_noop("Raise RESULT_BYTES.")),
    "too_many_pixels": (
        gettext_noop("and has more than %(megapixels)s megapixels."),
        gettext_noop("Raise %(pixels_setting)s."),
    ),
    "engine_crashed": (
        gettext_noop("and takes more memory than an imaging process has."),
        gettext_noop("Raise MEMORY_PER_PROCESS."),
    ),
    "engine_timeout": (gettext_noop("and takes too long to read."), gettext_noop("Raise SECONDS_PER_PICTURE.")),
    "gone": (
        gettext_noop("but is not given out there."),
        gettext_noop("If that stays so, only making it anew helps, which costs again."),
    ),
}
#: codes of errors that only a change of our own settings can remedy
_OURS = ("unsafe_address", "foreign_host", "too_many_redirects", "too_large", "too_many_bytes", "too_many_pixels")
_UNREADABLE = (
    gettext_noop("but what comes from there is no picture that can be read. %(why)s"),
    gettext_noop("Wait, or ask %(provider)s."),
)
_UNREADABLE_CODES = ("not_an_image", "unsupported_format", "damaged", "animated", "empty", "too_small")
_NO_REASON_SHOWN = ("not_an_image", "unsupported_format", "damaged")  #: the sentences of these errors speak of uploads
_OUR_STORAGE = (gettext_noop("and cannot be stored here. %(why)s"), gettext_noop("Look after the storage of results."))
_OTHER = (gettext_noop("but could not be fetched. %(why)s"), gettext_noop("Wait, or look at the connection to it."))


def of_result(error: ImageryError, url: str, provider: str) -> ImageryError:
    """Return an error of the same class and code, with a message about a result at ``url``."""
    what, remedy = _sentences(error)
    settings = get_settings()
    pixels = settings.result_bounds()["max_pixels"]
    facts = {
        "why": "" if error.code in _NO_REASON_SHOWN else error.message,
        "provider": provider,
        "host": urlsplit(url).hostname if _is_plain(url) else gettext("it"),
        "megabytes": f"{settings.result_bytes / 1e6:.0f}",
        "megapixels": f"{pixels / 1e6:.0f}",
        "pixels_setting": "RESULT_PIXELS" if pixels == settings.result_pixels else "MEMORY_PER_PROCESS",
    }
    facts |= {"address": _shown(url), "problem": (gettext(what) % facts).strip(), "remedy": gettext(remedy) % facts}
    facts["free"] = gettext(_FREE)
    said = gettext("The picture is made and paid for. It lies at %(address)s, %(problem)s %(remedy)s %(free)s") % facts
    return type(error)(said, code=error.code, detail=error.detail)


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
    return url.partition("?")[0].partition("#")[0][:_SHOWN] or gettext("an unknown place")
