"""Typed access to ``settings.PRODUCT_IMAGERY``.

Settings are read on first use. Every key has a default, and an unknown key is an error. ``override_settings`` works.
"""

from __future__ import annotations

import functools
import os
import tempfile
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from product_imagery.exceptions import ConfigurationError
from product_imagery.imaging.sandbox import PoolLimits

#: address space of an idle imaging process, and of each pixel of a picture that it imports
_IDLE_BYTES, _BYTES_PER_PIXEL = 256 * 1024**2, 12
_MOST_SIDE = 65_000  #: pixels: about the limit of JPEG


def _key(default: Any, help: str, **how: Any) -> Any:
    """Declare a setting. A ``default`` that is a type is called."""
    kind = "default_factory" if isinstance(default, type) else "default"
    return field(**{kind: default}, metadata={"help": help}, **how)


@dataclass(frozen=True)
class Settings:
    """The settings: one attribute for each key, in lower case."""

    storage: str = _key("default", "alias in `STORAGES` for results and thumbnails")
    folder: str = _key("product_imagery", "folder in that storage")
    max_bytes: int = _key(50 * 1024 * 1024, "largest source file, in bytes")
    max_pixels: int = _key(
        120_000_000, "most pixels of a source; an enlarged or expanded one has at most 100 megapixels"
    )
    max_side: int = _key(30_000, "longest side of a source picture, in pixels")
    max_selection: int = _key(10_000, "most pictures in one enhancement")
    slots: int = _key(1, "worker loops that may run at once: one for each machine with a worker")
    slice_seconds: float = _key(25.0, "seconds that one task of django-q2 works before it queues the next")
    wake: str = _key(
        "",
        "dotted path of a function that queues `product_imagery.tasks.pump` in your own queue instead of django-q2's",
    )
    slot_seconds: float = _key(
        15.0, "seconds without a sign of life after which another worker loop may take its place"
    )
    claim_seconds: float = _key(90.0, "seconds without a sign of life after which a job is taken from its worker")
    max_claims: int = _key(5, "how often a job may lose its worker before it is given up")
    processes: int = _key(0, "imaging processes of one worker; 0: one for each core")
    memory_per_process: int = _key(3 * 1024**3, "address space of an imaging process, in bytes; 0: no limit")
    seconds_per_picture: float = _key(180.0, "seconds that one picture may take; CPU time may be twice that")
    secret_keys: tuple[str, ...] = _key(
        (), "Fernet keys for stored secrets, newest first; default: one from SECRET_KEY"
    )
    keys: Mapping[str, Any] = _key(
        dict,
        "secrets of credentials by name, instead of stored ones, each for one provider and address: "
        '`{"Main": {"provider": "paqshot", "key": os.environ[…]}}`, plus `base_url` if it is not the documented one',
        repr=False,
    )
    public_base_url: str = _key("", "https address of this site, for webhooks and for providers that fetch pictures")
    fetch_allow: tuple[str, ...] = _key(
        (), "`host:port` pairs that may be fetched from although they are not public addresses"
    )
    result_hosts: Mapping[str, Any] = _key(
        dict,
        'hosts from which results of a provider may be fetched: `{"paqshot": ["cdn.example.com"]}`; others are refused',
    )
    compare_results: bool = _key(
        True, "compare the product in each new picture with that of its source; a visible difference needs a person"
    )
    provenance: Mapping[str, Any] = _key(
        dict,
        "signs results as Content Credentials (extra `provenance`): `certificate` and `key` are paths of PEM files, "
        "`time_stamps` is the URL of a time stamp authority",
    )
    retention_days: int = _key(0, "days after which texts that people wrote are deleted (`imagery_purge`); 0: never")
    preview_days: int = _key(
        90, "days after which small pictures of the admin's pages are deleted; they are made again when shown; 0: never"
    )
    connections: int = _key(32, "calls to hosted providers that a worker makes at once")
    pin_threads: bool = _key(
        True,
        "keep a worker's threads on one processor core (Linux): more pictures for less computing time",
    )
    result_bytes: int = _key(256 * 1024 * 1024, "largest result accepted from a provider, in bytes")
    result_pixels: int = _key(
        200_000_000, "most pixels of a result accepted from a provider, as far as MEMORY_PER_PROCESS allows"
    )
    review_below: float = _key(
        0.5, "confidence below which a person has to review a result before it is published; 0: never"
    )
    api_requests: int = _key(60, "requests per minute of an API key without a limit of its own")
    api_upload_bytes: int = _key(200 * 1024 * 1024, "largest API request that uploads form files, in bytes")
    health_token: str = _key("", "secret that opens `…/health/`; without it, only staff can", repr=False)
    model_folder: str = _key("", "folder of the model files; default: in the user's cache folder")
    model: str = _key("u2netp", "matting model, from the catalogue (`imagery_model list`)")
    model_url: str = _key("", "https address of its file, used when the package cannot be fetched")
    model_path: str = _key("", "an ONNX file of your own to use as that model")
    model_side: int = _key(0, "its input size in pixels; 0: as the file or the catalogue says")
    model_mean: tuple[float, ...] = _key((), "its normalisation, for values from 0 to 1; empty: as the catalogue says")
    model_deviation: tuple[float, ...] = _key((), "its normalisation; empty: as the catalogue says")

    def models(self) -> Path:
        """Return the folder of the model files."""
        if self.model_folder:
            return Path(self.model_folder)
        home = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache" if os.access(Path.home(), os.W_OK) else "")
        return Path(home or tempfile.gettempdir()) / "product_imagery"

    def bounds(self) -> dict[str, int]:
        """Return the bounds of a source picture as keyword arguments of ``imaging.limits.Limits``."""
        return {"max_bytes": self.max_bytes, "max_pixels": self.max_pixels, "max_side": self.max_side}

    def result_bounds(self) -> dict[str, int]:
        """Return the bounds of a result from a provider, as ``bounds`` does for a source.

        They are wider, because the result is paid for. A person reviews a tiny one.
        """
        pixels = self.result_pixels
        if self.memory_per_process:
            pixels = min(pixels, max(1, (self.memory_per_process - _IDLE_BYTES) // _BYTES_PER_PIXEL))
        return {"max_bytes": self.result_bytes, "max_pixels": pixels, "max_side": _MOST_SIDE, "min_side": 1}

    def pool_limits(self) -> PoolLimits:
        """Return the bounds of the imaging processes."""
        return PoolLimits(
            processes=self.processes or os.cpu_count() or 1,
            memory=self.memory_per_process,
            cpu_seconds=round(2 * self.seconds_per_picture),
            wall_seconds=self.seconds_per_picture,
        )

    def provider_settings(self) -> dict[str, Any]:
        """Return plain values that providers can read from ``Job.settings``."""
        model = {
            "name": self.model,
            "path": self.model_path,
            "side": self.model_side,
            "mean": tuple(self.model_mean),
            "deviation": tuple(self.model_deviation),
        }
        return {"engine": {"model": model, "models": str(self.models())}, "limits": self.bounds()}


@functools.lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the site's settings. Raises ``ConfigurationError`` for an unknown key or a value of the wrong type."""
    given = getattr(settings, "PRODUCT_IMAGERY", {})
    if not isinstance(given, dict):
        raise ConfigurationError("PRODUCT_IMAGERY has to be a dict.")
    types_by_key = {name.upper(): kind for name, kind in typing.get_type_hints(Settings).items()}
    values = {}
    for key, value in given.items():
        if key not in types_by_key:
            raise ConfigurationError(f"PRODUCT_IMAGERY has no key {key}. There are: {', '.join(types_by_key)}.")
        values[key.lower()] = _checked(key, value, types_by_key[key])
    return Settings(**values)


def _checked(key: str, value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    expected: tuple[type, ...] = (list, tuple) if origin is tuple else (dict,) if origin else (kind,)
    if expected == (float,):
        expected = (int, float)
    if not isinstance(value, expected) or (isinstance(value, bool) and kind is not bool):
        wanted = " or ".join(option.__name__ for option in expected)
        raise ConfigurationError(f"PRODUCT_IMAGERY[{key!r}] has to be {wanted}, not {type(value).__name__}.")
    _check_range(key, value)
    return value


_MAY_BE_ZERO = ("PROCESSES", "MEMORY_PER_PROCESS", "RETENTION_DAYS", "PREVIEW_DAYS", "REVIEW_BELOW", "MODEL_SIDE")
MOST_LEASE = 900.0  #: seconds: the longest lease. One with a later deadline comes from a wrong clock, and has expired


def _check_range(key: str, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (value < 0 or (value == 0 and key not in _MAY_BE_ZERO)):
        raise ConfigurationError(f"PRODUCT_IMAGERY[{key!r}] has to be more than 0, not {value}.")
    if key in ("SLOT_SECONDS", "CLAIM_SECONDS") and value > MOST_LEASE:
        raise ConfigurationError(f"PRODUCT_IMAGERY[{key!r}] has to be at most {MOST_LEASE:.0f} seconds, not {value}.")
    if key == "FOLDER" and (not value or ".." in value.split("/") or value.startswith("/")):
        raise ConfigurationError("PRODUCT_IMAGERY['FOLDER'] has to be a folder inside the storage, such as 'imagery'.")
    if key == "KEYS":
        _check_keys(value)
    if key in ("MODEL_MEAN", "MODEL_DEVIATION") and value:
        _check_normalisation(key, value)
    if key == "MODEL_URL" and value and not value.startswith("https://"):
        raise ConfigurationError("PRODUCT_IMAGERY['MODEL_URL'] has to begin with https://.")


def _check_normalisation(key: str, values: Any) -> None:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(values) != 3 or len(numbers) != 3:
        raise ConfigurationError(f"PRODUCT_IMAGERY[{key!r}] has to be three numbers: of red, green and blue.")
    if max(numbers) > 1 or min(numbers) < 0 or (key == "MODEL_DEVIATION" and min(numbers) == 0):
        reason = "is for values from 0 to 1: divide numbers for 0 to 255 by 255"
        raise ConfigurationError(f"PRODUCT_IMAGERY[{key!r}] {reason}{', and write none of 0' * (not min(numbers))}.")


def _check_keys(keys: Mapping[str, Any]) -> None:
    for label, secrets in keys.items():
        given = secrets if isinstance(secrets, Mapping) else {}
        if not {"provider", "key"} <= given.keys() or not all(isinstance(value, str) for value in given.values()):
            sample = '{"provider": "paqshot", "key": os.environ["PAQSHOT_KEY"]}'
            sentence = f"PRODUCT_IMAGERY['KEYS'][{label!r}] names the provider that the key is for, as in {sample};"
            raise ConfigurationError(f"{sentence} with “base_url” if its address is not the documented one.")


def described() -> list[tuple[str, Any, str]]:
    """Return (key, default, help) of every setting, for the README and ``imagery_doctor``."""
    plain = Settings()
    return [(item.name.upper(), getattr(plain, item.name), item.metadata["help"]) for item in fields(Settings)]


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "PRODUCT_IMAGERY":
        get_settings.cache_clear()
