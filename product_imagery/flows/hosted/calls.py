"""Calls: one call of a hosted provider about a leased job, in a thread that touches no database.

A call goes one way, and each step is handed what the one before returned: prepare the inputs, converse with the
provider, fetch its pictures. ``outcomes`` writes the result down.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from product_imagery.conf import get_settings
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
from product_imagery.flows.hosted.account import Account
from product_imagery.flows.hosted.intent import account_changed, whole_intent
from product_imagery.flows.hosted.session import Session, Ticket
from product_imagery.flows.log_ids import ids_of_job
from product_imagery.flows.results import fetch, standing
from product_imagery.imaging.encode import FORMATS
from product_imagery.imaging.growth import check_growth
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import EnhancementItem, ProviderJob
from product_imagery.products import ProductImages, description_for
from product_imagery.provider_kit.contract import SANDBOX, Form, Job, JobInput, Operation
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.options import Kind
from product_imagery.provider_kit.outcomes import Finished, Outcome, Undecidable
from product_imagery.provider_kit.registry import get_offer, get_provider
from product_imagery.public_urls import VALID_SECONDS, source_address, webhook_address
from product_imagery.sources import check_reachable, public_address, read_source
from product_imagery.states import OPEN_ITEMS, JobState
from product_imagery.storage import store
from product_imagery.storage.names import result_name
from product_imagery.storage.workspace import Place

logger = logging.getLogger("product_imagery")


@dataclass(eq=False)
class Call:
    """A leased job with everything that its thread needs. ``gone``: keys of items whose product was deleted."""

    job: ProviderJob
    items: list[EnhancementItem]
    ticket: Ticket
    descriptions: dict[int, ProductImages] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    error: ImageryError | None = None

    @property
    def provider(self) -> Any:
        """A fresh instance of the provider."""
        return get_provider(self.job.provider)()

    @property
    def grows(self) -> float:
        """Factor by which the sides of the result exceed the source's; 0 where it does not grow."""
        growth = get_offer(type(self.provider), self.job.operation).growth_of(self.job.options)
        return growth if growth > 1 else 0.0


@dataclass(frozen=True)
class Inputs:
    """Sources of a create, with their digests (SHA-256) by item, and errors by item whose source is unusable."""

    inputs: tuple[JobInput, ...] = ()
    bad: dict[int, ImageryError] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CallResult:
    """The end of a call: an outcome with its pictures stored, or an error. ``bad``: errors of items without one."""

    call: Call
    outcome: Outcome | None = None
    error: ImageryError | None = None
    pictures: list[fetch.Stored] = field(default_factory=list)
    bad: dict[int, ImageryError] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def job(self) -> ProviderJob:
        """The job that the call was about."""
        return self.call.job

    @cached_property
    def collected(self) -> set[int]:
        """Keys of the items whose pictures are stored."""
        return {stored.picture.item_id for stored in self.pictures}


def prepare(jobs: list[ProviderJob], deadline: float) -> list[Call]:
    """Load what the threads need from the database. ``deadline`` (monotonic) is when the leases may expire."""
    calls = []
    accounts = {job.credential_id: Account(job.credential) for job in jobs}
    for job in jobs:
        items = [item for item in job.items.all() if item.status in OPEN_ITEMS]
        call = Call(job, items, Ticket(job, accounts[job.credential_id], deadline))
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
                  _prepare_inputs: picture 1 read and fitted, picture 2 unreadable    -> bad[2]
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
            inputs = _prepare_inputs(call, place, session.tools.pool)
            if inputs.bad and not inputs.inputs:
                raise next(iter(inputs.bad.values()))
            outcome = _converse(call, inputs, session)
            if not isinstance(outcome, Finished):
                return CallResult(call, outcome, bad=inputs.bad, digests=inputs.digests)
            collected = fetch.collect(outcome, call.job.provider, call.items, place, session.tools)
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
        error = ProviderError("The response could not be processed.", code="unforeseen", detail=repr(error)[:500])
    if isinstance(error, ProviderError):
        error.creating = call.ticket.sent
    return error


def _converse(call: Call, inputs: Inputs, session: Session) -> Outcome:
    job, provider = call.job, call.provider
    if job.state == JobState.CHECKING and account_changed(job, call.ticket.account):
        return Undecidable("The account has another key or address now, so it cannot be looked up with it.")
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
        raise RequestError("No picture of this job is open any more: nothing was sent or spent.", code="nothing_open")
    for description in () if job.enhancement.is_trial else set(call.descriptions.values()):
        check_target(description)
    if (provider.environment(call.ticket.account.key) == SANDBOX) != job.enhancement.is_sandbox:
        sentence = "The account's key was exchanged between sandbox and live since this was started. Start it anew."
        raise ConfigurationError(sentence, code="environment_changed")
    for option in get_offer(type(provider), job.operation).options:
        if option.kind is Kind.URL and job.options.get(option.name):
            check_reachable(job.options[option.name])
    if job.credential.lost_creates:
        _probe(call, session)


def _check_growth(call: Call, path: Path, copy: dict[str, Any] | None, pool: ImagingPool) -> None:
    """Check that the result will be within our own limits. Raises ``PictureError``."""
    growth, most = call.grows, get_settings().result_bounds()
    if not growth:
        return
    if copy:
        check_growth((copy["width"], copy["height"]), growth, most)
    else:
        bounds = get_settings().bounds()
        check = "product_imagery.imaging.growth:check_source"
        pool.run(check, source=str(path), growth=growth, most=most, limits=bounds)


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


def _prepare_inputs(call: Call, place: Place, pool: ImagingPool) -> Inputs:
    """Prepare the sources of a create. One that is unusable for good is left out, and the others are sent.

    Raises ``ImageryError`` where trying again may help, or where there is only one.
    """
    if call.job.state != JobState.SENDING:
        return Inputs(tuple(JobInput(item.pk, item.uuid.hex) for item in call.items))
    prepared, inputs = Inputs(), []
    for item in call.items:
        try:
            inputs.append(_source(item, call, prepared.digests, place, pool))
        except ImageryError as error:
            if not error.is_final or len(call.items) == 1:
                raise
            prepared.bad[item.pk] = error
    return replace(prepared, inputs=tuple(inputs))


def _source(item: EnhancementItem, call: Call, digests: dict[int, str], place: Place, pool: ImagingPool) -> JobInput:
    """Return the source in the form that the provider takes: a name, an address or a file.

    It is a copy where the source is too large for the provider or of another format. Raises ``ImageryError``, also for
    a file that is no picture: a provider charges for it all the same.
    """
    if item.pk in call.gone:
        sentence = "The product, or this picture of it, no longer exists: nothing was sent or spent."
        raise RequestError(sentence, code="product_gone")
    external_id, description, provider = item.uuid.hex, call.descriptions[item.pk], call.provider
    form = provider.form_in(call.job.credential.settings())
    storage, name = description.storage, item.source_name
    path = place.source(item.pk)
    if form is Form.NAME:
        if call.grows and storage.exists(name):
            read_source(storage, name, path)
            _check_growth(call, path, None, pool)
        return JobInput(item.pk, external_id, name=item.source_name)
    digests[item.pk] = read_source(storage, name, path, item.source_url)
    wanted = {"most_bytes": provider.max_source_bytes, "formats": list(provider.formats)}
    bounds = get_settings().bounds()
    copy = pool.run("product_imagery.imaging.fit:fit", source=str(path), stem=str(path), limits=bounds, **wanted)
    if copy:
        place.taken.append(Path(copy["path"]))
    _check_growth(call, path, copy, pool)
    if form is not Form.URL:
        return JobInput(item.pk, external_id, path=Path(copy["path"]) if copy else path)
    signed = source_address(str(item.uuid))
    address = _address_of_copy(item, copy) if copy else public_address(storage, name, signed)
    return JobInput(item.pk, external_id, url=address)


def _address_of_copy(item: EnhancementItem, made: dict[str, Any]) -> str:
    """Store a fitted copy beside the item's results; return the address from which the provider can fetch it."""
    storage = store.results_storage()
    name = result_name(item.uuid, made["sha256"], FORMATS[made["format"]][1], "source-")
    kept = store.keep(storage, name, Path(made["path"]), made["sha256"])
    return public_address(storage, kept, source_address(str(item.uuid), kept.rpartition("/")[2]))
