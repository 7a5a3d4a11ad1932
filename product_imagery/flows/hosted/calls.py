"""Calls: one call of a hosted provider about a leased job, in a thread that touches no database.

A call goes one way, and each step is handed what the one before returned: ``inputs`` prepares the pictures, this module
converses with the provider, ``fetch`` collects what is finished. ``outcomes`` writes the result down.
"""

from __future__ import annotations

import logging
import time
import traceback

from django.utils.translation import gettext

from product_imagery.exceptions import (
    ConfigurationError,
    CredentialRefused,
    ImageryError,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RequestError,
)
from product_imagery.flows.enhancements.preconditions import check_target
from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.flows.hosted.inputs import Inputs, prepare_inputs
from product_imagery.flows.hosted.intent import credential_changed, whole_intent
from product_imagery.flows.hosted.session import Session
from product_imagery.flows.hosted.values import Call, CallResult, Ticket
from product_imagery.flows.log_ids import ids_of_job
from product_imagery.flows.results import fetch, standing
from product_imagery.models import ProviderJob
from product_imagery.products import description_for
from product_imagery.provider_kit.contract import SANDBOX, Job, Operation
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.options import Kind
from product_imagery.provider_kit.outcomes import Finished, Outcome, Undecidable
from product_imagery.provider_kit.registry import get_offer
from product_imagery.public_urls import VALID_SECONDS, webhook_address
from product_imagery.sources import check_reachable
from product_imagery.states import OPEN_ITEMS, JobState

logger = logging.getLogger("product_imagery")


def prepare(jobs: list[ProviderJob], deadline: float) -> list[Call]:
    """Load what the threads need from the database. ``deadline`` (monotonic) is when the leases may expire."""
    calls = []
    sessions = {job.credential_id: CredentialSession(job.credential) for job in jobs}
    for job in jobs:
        items = [item for item in job.items.all() if item.status in OPEN_ITEMS]
        call = Call(job, items, Ticket(job, sessions[job.credential_id], deadline))
        try:
            call.descriptions = {item.pk: description_for(item.content_type_id) for item in call.items}
        except ConfigurationError as error:
            call.error = error
        calls.append(call)
    _look_for_products([call for call in calls if call.job.state == JobState.SENDING and not call.error])
    return calls


def _look_for_products(calls: list[Call]) -> None:
    """Note items whose products were deleted since the work was started: nothing is bought for them."""
    items = [(call, item) for call in calls for item in call.items]
    there = standing.names(item for _, item in items)
    for call, item in items:
        if there[item.pk] is None:
            call.gone.add(item.pk)


def perform(call: Call, session: Session) -> CallResult:
    """Make one call and fetch its pictures. Never raises: an error is in the result.

    A create of two pictures, and the poll that finds them ready::

        sending   _check: still wanted, target takes it, key of the same environment
                  prepare_inputs: picture 1 read and fitted, picture 2 unreadable     -> bad[2]
                  _converse: intent written, create sent, id read                     -> Accepted, bad[2]
        running   nothing to prepare
                  _converse: status read                                              -> Finished
                  fetch.collect: picture 1 downloaded, decoded, stored                -> Finished, pictures[1]
    """
    if call.error:
        return CallResult(call, error=call.error)
    inputs = Inputs()
    try:
        with session.tools.workspace.place() as place:
            _check(call, session)
            inputs = prepare_inputs(call, place, session.tools.pool)
            if inputs.bad and not inputs.inputs:
                raise next(iter(inputs.bad.values()))
            outcome = _converse(call, inputs, session)
            if not isinstance(outcome, Finished):
                return CallResult(call, outcome, bad=inputs.bad, digests=inputs.digests)
            storages = {pk: description.storage for pk, description in call.descriptions.items()}
            collected = fetch.collect(outcome, call.job, call.items, storages, place, session.tools)
            bad = {**inputs.bad, **collected.bad}
            return CallResult(call, outcome, None, collected.pictures, bad, inputs.digests)
    except Exception as error:  # noqa: BLE001  one job must not take its neighbours and the worker with it
        return CallResult(call, error=_as_imagery_error(call, error), bad=inputs.bad, digests=inputs.digests)


def _as_imagery_error(call: Call, error: Exception) -> ImageryError:
    """Return the error to be written down, and log one of a foreign kind."""
    if not isinstance(error, ImageryError):
        # As text: error reports that list local variables would show the request, with the key.
        sentence = "Job %s failed in a way that nobody foresaw.\n%s"
        logger.error(sentence, call.job.pk, traceback.format_exc(), extra=ids_of_job(call.job))
        error = ProviderError(
            gettext("The response could not be processed."), code="unforeseen", detail=repr(error)[:500]
        )
    if isinstance(error, ProviderError):
        error.creating = call.ticket.sent
    return error


def _converse(call: Call, inputs: Inputs, session: Session) -> Outcome:
    job, provider = call.job, call.provider
    if job.state == JobState.CHECKING and credential_changed(job, call.ticket.session):
        return Undecidable(gettext("The account has another key or address now, so it cannot be looked up with it."))
    view = Job(
        uuid=str(job.uuid),
        operation=Operation(job.operation),
        options=get_offer(type(provider), job.operation).complete(job.options),
        inputs=inputs.inputs,
        settings=job.credential.settings(),
        remote_id=job.remote_id,
        remembered=job.remembered,
        intent=whole_intent(job),
        outdated=bool(inputs.bad) or _is_old(job),
        begun_at=job.intent_at.timestamp() if job.intent_at else 0.0,
        webhook_url=webhook_address(job.credential.webhook_uuid, str(job.uuid))
        if provider.webhooks and job.state == JobState.SENDING
        else "",
    )
    steps = {JobState.SENDING: provider.submit, JobState.CHECKING: provider.reconcile, JobState.RUNNING: provider.poll}
    step = steps[JobState(job.state)]
    return drive(step(view), lambda request: session.respond(request, call.ticket))


def _check(call: Call, session: Session) -> None:
    """Check before a create that what was promised when the job was made still holds.

    Raises ``ConfigurationError``, ``ProviderError``.
    """
    job, provider = call.job, call.provider
    if job.state != JobState.SENDING:
        return
    if not call.items:
        raise RequestError(
            gettext("No picture of this job is open any more: nothing was sent or spent."), code="nothing_open"
        )
    for description in () if job.enhancement.is_trial else set(call.descriptions.values()):
        check_target(description)
    if (provider.environment(call.ticket.session.key) == SANDBOX) != job.enhancement.is_sandbox:
        sentence = gettext(
            "The account's key was exchanged between sandbox and live since this was started. Start it anew."
        )
        raise ConfigurationError(sentence, code="environment_changed")
    for option in get_offer(type(provider), job.operation).options:
        if option.kind is Kind.URL and job.options.get(option.name):
            check_reachable(job.options[option.name])
    if job.credential.lost_creates:
        _probe(call, session)


def _probe(call: Call, session: Session) -> None:
    """Make a free call that has to succeed before the first create after a lost one. Raises ``ProviderError``."""
    try:
        drive(call.provider.probe(), lambda request: session.probe(request, call.ticket))
    except ProviderRefused:
        return  # it responds
    except CredentialRefused as error:
        if error.own:
            raise
        raise ProviderUnavailable(error.message, code=error.code, detail=error.detail, status=error.status) from error


def _is_old(job: ProviderJob) -> bool:
    """Say whether addresses of sources that were made with the job may expire before the provider fetches them."""
    return time.time() - job.created_at.timestamp() > VALID_SECONDS / 2
