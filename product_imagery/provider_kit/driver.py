"""Holds the conversation with a provider: answers what its generator asks for until it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from product_imagery.exceptions import EngineError, ImageryError, ProviderError
from product_imagery.provider_kit.conversation import Refused, Request

Handler = Callable[[Request], Any]
T = TypeVar("T")


def drive(conversation: Generator[Any, Any, T], handler: Handler) -> T | Refused:
    """Run ``conversation`` to its end and return what it returns. An ``ImageryError`` of the handler is thrown into it.

    One that comes out of it becomes ``Refused``, except ``EngineError`` and ``ProviderError``, which are raised: what
    they mean for the job depends on the step.
    """
    answer: Any = None
    failure: ImageryError | None = None
    while True:
        try:
            request = conversation.throw(failure) if failure is not None else conversation.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        except EngineError:
            raise
        except ImageryError as error:
            if isinstance(error, ProviderError):
                raise
            return Refused(error.code, error.message, error.detail)
        failure = None
        try:
            answer = handler(request)
        except ImageryError as error:
            failure = error
