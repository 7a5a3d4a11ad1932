"""Every error this package raises on purpose.

ImageryError                 code, message (a sentence for a person), detail (for the log)
├── ConfigurationError       settings or registration are wrong; the developer has to act
│   └── RegistrationError    a ``ProductImages`` description does not fit its model
├── RequestError             what was asked for cannot be done; the caller has to ask differently
│   ├── OptionError          an option is unknown, malformed or not honoured by the provider
│   ├── NothingToDo          the selection holds no picture that still needs work
│   └── StateError           the thing is not in a state that allows this step
├── PictureError             the bytes are not a picture that we accept
├── EngineError              the imaging process failed, ran out of memory or out of time
│   └── ModelMissing         the matting model has not been fetched yet
├── StorageError             a file could not be stored or read back
├── PublicationConflict      the product changed meanwhile; nothing was overwritten
├── SecretError              a stored key cannot be read: the site's secrets have changed
├── UnsafeAddress            a foreign address leads where we do not go
├── FetchError               a foreign file could not be fetched; it may be there later
└── ProviderError            a provider's answer, or the lack of one
    ├── NotSent              the request provably did not reach the provider
    ├── RateLimited          refused for now; ``retry_after`` seconds, if it said so
    ├── CredentialRefused    the key, the plan or the balance: nothing will work until somebody acts
    ├── ProviderRefused      the provider's final word on this request
    └── ProviderUnavailable  no answer, or none that can be read: what became of the request is not known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_FINAL = ("missing", "gone", "too_large", "not_an_image", "unreadable_name", "compressed", "product_gone")
#: tries after which trouble that might have passed is taken to stay
_MOST_TRIES = {"truncated": 2}


class ImageryError(Exception):
    """Base class. ``message`` may be shown to a merchant, ``detail`` only to an operator."""

    code = "error"
    final = False  #: whether trying again cannot help

    def __init__(self, message: str, *, code: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.detail = detail

    @property
    def is_final(self) -> bool:
        """Whether trying again cannot help: what is missing, gone, too large or no picture stays so."""
        return self.final or self.code in _FINAL

    def may_pass(self, tries: int, most: int) -> bool:
        """Whether another try may help after so many ``tries`` (this one included), of at most ``most``."""
        return not self.is_final and tries < min(most, _MOST_TRIES.get(self.code, most))


class ConfigurationError(ImageryError):
    """The installation is set up wrongly."""

    code = "configuration"


class RegistrationError(ConfigurationError):
    """A model's pictures are described wrongly."""

    code = "registration"


class RequestError(ImageryError):
    """The request cannot be carried out as it stands."""

    code = "bad_request"


class OptionError(RequestError):
    """An option is unknown, malformed, or one that the provider does not honour."""

    code = "bad_option"


class NothingToDo(RequestError):
    """No selected picture needs this work; ``left_out`` says of each product why, as ``flows.start`` does."""

    left_out: Sequence[tuple[Any, Any, str, str]] = ()
    code = "nothing_to_do"


class StateError(RequestError):
    """The step does not fit the present state, often because somebody else was faster."""

    code = "wrong_state"


class PictureError(ImageryError):
    """The file is not a picture that we accept. See ``imaging.decode`` for the codes."""

    code = "bad_picture"
    final = True


class EngineError(ImageryError):
    """The imaging process did not deliver."""

    code = "engine"


class ModelMissing(EngineError):
    """The matting model is not on this machine."""

    code = "model_missing"


class StorageError(ImageryError):
    """The storage did not take or return a file as promised."""

    code = "storage"


class PublicationConflict(ImageryError):
    """The product's picture is no longer the one that the work was started for."""

    code = "conflict"


class SecretError(ImageryError):
    """A stored secret cannot be decrypted with the keys at hand."""

    code = "secret_unreadable"


class UnsafeAddress(ImageryError):
    """The address is not https, not public, or otherwise not one that we fetch from."""

    code = "unsafe_address"
    final = True


class FetchError(ImageryError):
    """The file could not be fetched."""

    code = "fetch_failed"


class ProviderError(ImageryError):
    """``status`` is the HTTP status if there was one; ``creating`` says that a request that costs was sent.

    ``own``: it is the provider's own word, in its own error envelope. Without that a create may have been accepted.
    ``absent``: a second call, which was free, met no API at that address either.
    """

    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        detail: str = "",
        status: int | None = None,
        request_id: str = "",
        own: bool = False,
    ) -> None:
        super().__init__(message, code=code, detail=detail)
        self.status, self.request_id, self.own = status, request_id, own
        self.creating = self.absent = False


class NotSent(ProviderError):
    """Nothing reached the provider."""

    code = "not_sent"


class RateLimited(ProviderError):
    """The provider, or our own count of its limits, says: later."""

    code = "rate_limited"
    retry_after: float | None = None


class CredentialRefused(ProviderError):
    """The account cannot be used as it is."""

    code = "credential_refused"


class ProviderRefused(ProviderError):
    """The request as it stands will never be accepted."""

    code = "provider_refused"


class ProviderUnavailable(ProviderError):
    """The outcome of the request is unknown."""

    code = "provider_unavailable"
