"""Holds the conversation with a provider: answers what its generator asks for until it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from product_imagery.exceptions import EngineError, ImageryError, ProviderError
from product_imagery.provider_kit.contract import Conversation, Outcome, Refused, Request

Handler = Callable[[Request], Any]


def drive(conversation: Conversation, handler: Handler) -> Outcome:
    """Run ``conversation`` to its end. An ``ImageryError`` of the handler is thrown into it.

    One that comes out of it becomes ``Refused``, except ``EngineError`` and ``ProviderError``, which are raised: what
    they mean for the job depends on the step.
    """
    answer: Any = None
    failure: ImageryError | None = None
    while True:
        try:
            request = conversation.throw(failure) if failure is not None else conversation.send(answer)
        except StopIteration as end:
            outcome: Outcome = end.value
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
