"""Ids that log records carry as attributes. ``docs/logging.md`` lists them."""

from __future__ import annotations

from product_imagery.models import ProviderJob, WebhookDelivery


def ids_of_job(job: ProviderJob) -> dict[str, object]:
    """Return the ``extra`` of log records about a job: ``job``, ``enhancement``, ``provider``, ``credential``."""
    return {
        "job": job.pk,
        "enhancement": job.enhancement_id,
        "provider": job.provider,
        "credential": job.credential_id,
    }


def ids_of_delivery(delivery: WebhookDelivery) -> dict[str, object]:
    """Return the ``extra`` of log records about a provider's delivery: ``delivery``, ``provider``, ``credential``."""
    credential = delivery.credential
    return {"delivery": delivery.pk, "provider": credential.provider, "credential": credential.pk}
