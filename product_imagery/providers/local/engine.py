"""Entry point of the local engine in an imaging process: from a source file to pictures with thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.imaging.colour import SRGB_PROFILE
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import DENSITY, Encoded, describe, format_like, write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.metadata import SourceType, xmp_packet
from product_imagery.imaging.thumbnails import write_thumbnail
from product_imagery.imaging.visible import require_something_visible
from product_imagery.providers.local import expand as expansion
from product_imagery.providers.local import upscale as enlargement
from product_imagery.providers.local.catalogue import chosen
from product_imagery.providers.local.continuity import continuity
from product_imagery.providers.local.cutout import Cutout, cut_out
from product_imagery.providers.local.frame import cut_sides, parse_ratio, place
from product_imagery.providers.local.hint import Hint, cut_out_by_hint
from product_imagery.providers.local.inference import ModelSpec
from product_imagery.providers.local.packshot import packshot, parse_colour, seen_share, trimmed_to_seen
from product_imagery.providers.local.scenes import BACKDROPS, STAND, compose_scene, suggested_pose
from product_imagery.providers.local.shadow import without_shadow
from product_imagery.providers.local.transparency import kept_matte, visible_part
from product_imagery.providers.local.white_jpeg import white_jpeg
from product_imagery.texts import gettext

_MOST_PIXELS = 100_000_000  #: limit for results larger than their source: 3 GB of memory are enough for them
_LEAST, _MOST = 0.3, 0.85  #: confidence in a background that does not go on beyond the frame, and in one that does
_HARD = 0.3  #: continuity below which a background gets a warning


@dataclass(frozen=True)
class _Task:
    picture: Image.Image
    stored_as: str
    options: dict[str, Any]
    model: ModelSpec
    models: Path
    limits: Limits
    coarseness: float = 0.0

    @property
    def format(self) -> str:
        """Requested format. ``source`` means that of the source, or PNG if we cannot write that.

        PNG if white has to be exact, because the other formats ring.
        """
        if self.options.get("exact_white"):
            return "png"
        wanted = str(self.options.get("format", "source"))
        return wanted if wanted != "source" else format_like(self.stored_as, self.picture)


@dataclass(frozen=True)
class _Product:
    """Mask of the product in a result (``L``), and the box of the source that the result shows, in shares."""

    mask: Image.Image
    frame: tuple[float, ...]


@dataclass(frozen=True)
class _Made:
    image: Image.Image
    confidence: float = 1.0
    warnings: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)
    mark: SourceType = SourceType.ENHANCED
    share: Callable[[Image.Image], float] | None = None  #: measures the product's share on the written picture
    ground: Image.Image | None = None  #: mask of a background that must be pure white
    product: _Product | None = None  #: where it is, if that is known


def enhance(
    *, source: str, folder: str, operation: str, options: dict[str, Any], engine: dict[str, Any], limits: dict[str, int]
) -> list[dict[str, Any]]:
    """Carry out one operation and write each picture with its thumbnail into ``folder``.

    ``options`` are complete and validated. ``engine`` is that of ``Settings.provider_settings``. Returns the fields of
    ``provider_kit.outcomes.Picture`` for each picture. Raises ``PictureError``, ``OptionError`` and ``ModelMissing``.
    """
    bounds = Limits(**limits)
    opened = open_picture(Path(source), bounds)
    require_something_visible(opened.image)
    _, spec = chosen(engine)
    task = _Task(opened.image, opened.format, options, spec, Path(engine["models"]), bounds, opened.coarseness)
    return [_write(made, task, Path(folder), number) for number, made in enumerate(_MAKERS[operation](task))]


def _cut(task: _Task) -> Cutout:
    hint = Hint.of(task.options)
    return cut_out_by_hint(task.picture, task.model, hint) if hint else cut_out(task.picture, task.model)


def _cut_above_ground(task: _Task) -> Cutout:
    """The cut-out without the shadow that the product casts, unless a person has said what else to keep."""
    cut = _cut(task)
    return cut if task.options["keep"] else without_shadow(cut)


def _remove_background(task: _Task) -> Iterator[_Made]:
    cut = _cut(task)
    if task.options["crop"]:
        cut = cut.trimmed()
    (width, height), (left, top) = task.picture.size, cut.origin
    frame = (left / width, top / height, (left + cut.alpha.width) / width, (top + cut.alpha.height) / height)
    yield _Made(cut.picture(), cut.confidence, tuple(cut.warnings), product=_Product(cut.alpha, frame))


def _white_background(task: _Task) -> Iterator[_Made]:
    options = task.options
    background = parse_colour(options["background"])
    found = _cut_above_ground(task)
    cut = trimmed_to_seen(found.trimmed(), background, options["size"])
    ratio = parse_ratio(options["ratio"], task.picture.size)
    placed = place(cut, ratio=ratio, longest=options["size"], fill=options["fill"], cut=cut_sides(found))
    image, behind, around = packshot(placed, background=background, shadow=options["shadow"])
    white = background == (255, 255, 255) and not options["shadow"]
    yield _Made(
        image,
        cut.confidence,
        (*cut.warnings, *placed.warnings),
        share=partial(seen_share, placed=placed, behind=behind),
        ground=around if white else None,
        product=_Product(placed.mask(), placed.frame_in(task.picture.size)),
    )


def _scene(task: _Task) -> Iterator[_Made]:
    options = task.options
    found = _cut_above_ground(task)
    cut = found.trimmed()
    ratio = parse_ratio(options["ratio"], task.picture.size)
    stage = BACKDROPS[options["scene"]]
    pose = suggested_pose(cut.alpha) if options["pose"] == "auto" else options["pose"]
    frame = {"longest": options["size"], "fill": options["fill"], "bottom": stage.ground if pose == STAND else None}
    placed = place(cut, ratio=ratio, cut=cut_sides(found), **frame)
    product = _Product(placed.mask(), placed.frame_in(task.picture.size))
    for variant in range(options["variants"]):
        seed = options["seed"] + variant
        keep = options["keep_colours"]
        image = compose_scene(placed, options["scene"], seed, pose=pose, keep_colours=keep)
        report = {"seed": seed, "share": round(placed.share(), 4), "pose": pose, "colours_kept": keep}
        warnings = (*cut.warnings, *placed.warnings)
        yield _Made(image, cut.confidence, warnings, report, SourceType.COMPOSITE, product=product)


def _upscale(task: _Task) -> Iterator[_Made]:
    factor = int(task.options["factor"])
    _check_size((task.picture.width * factor, task.picture.height * factor), task.limits)
    image, report = enlargement.upscale(task.picture, factor, task.models, coarseness=task.coarseness)
    yield _Made(image, report=report)


def _expand(task: _Task) -> Iterator[_Made]:
    if task.picture.mode == "RGBA" and kept_matte(task.picture, task.model) is None:
        task = replace(task, picture=visible_part(task.picture))  # a photo in a transparent frame
    ratio = parse_ratio(task.options["ratio"], task.picture.size)
    size = expansion.expanded_size(task.picture.size, ratio)
    _check_size(size, task.limits)
    if task.picture.mode == "RGBA":
        yield _Made(expansion.pad(task.picture, size), report={"method": "pad"})
        return
    grows = (size[0] > task.picture.width, size[1] > task.picture.height)
    product = None if expansion.is_plain(task.picture, *grows) else _product_or_none(task)
    image, method = expansion.expand(task.picture, size, product)
    goes_on, warnings = 1.0, tuple[str, ...]()
    if method != "plain":
        grown = ((size[0] - task.picture.width) // 2, (size[1] - task.picture.height) // 2)
        goes_on = continuity(task.picture, expansion.product_box(task.picture, product), grown)
        warnings = ("background_invented",) + ("background_hard_to_continue",) * (goes_on < _HARD)
    touching = tuple(code for code in (product.warnings if product else ()) if code == "touches_the_frame")
    confidence = 1.0 if method == "plain" else round(_LEAST + (_MOST - _LEAST) * goes_on, 3)
    yield _Made(image, confidence, warnings + touching, {"method": method})


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    most = min(limits.max_pixels, _MOST_PIXELS)
    if size[0] * size[1] > most:
        sentence = gettext(
            "The result would have %(width)s×%(height)s pixels; at most %(megapixels).0f MP are made."
        ) % {"width": size[0], "height": size[1], "megapixels": most / 1e6}
        raise PictureError(sentence, code="too_many_pixels")


def _product_or_none(task: _Task) -> Cutout | None:
    """The cut-out, to keep it from being repeated; a picture without a clear product is expanded all the same."""
    try:
        return cut_out(task.picture.copy(), task.model)  # it cleans the colours of what it is given
    except PictureError as error:
        if error.code == "nothing_found":
            return None
        raise


_MAKERS = {
    "remove_background": _remove_background,
    "white_background": _white_background,
    "scene": _scene,
    "upscale": _upscale,
    "expand": _expand,
}


def _write(made: _Made, task: _Task, folder: Path, number: int) -> dict[str, Any]:
    with ThreadPoolExecutor(1) as threads:
        small = threads.submit(write_thumbnail, made.image, folder / f"thumbnail-{number}", mark=made.mark)
        encoded = _write_picture(made, task, folder / f"picture-{number}")
        report = made.report | _share(made, encoded)
        thumbnail = small.result()
    return {
        "file": encoded.as_dict(),
        "thumbnail": thumbnail.as_dict(),
        "confidence": made.confidence,
        "warnings": list(made.warnings),
        "report": report,
        "mark": str(made.mark),
        "product": _write_product(made.product, folder / f"product-{number}.png", thumbnail),
    }


def _write_product(product: _Product | None, path: Path, thumbnail: Encoded) -> dict[str, Any]:
    """Write the mask and return ``product`` of ``provider_kit.outcomes.Picture``; empty if it is not known."""
    if product is None:
        return {}
    product.mask.resize((thumbnail.width, thumbnail.height), Image.Resampling.BOX, reducing_gap=2.0).save(path)
    return {"mask": str(path), "frame": product.frame}


def _share(made: _Made, encoded: Encoded) -> dict[str, float]:
    """Return the share that the product has of the frame in the written file, if it has one."""
    if made.share is None:
        return {}
    with Image.open(encoded.path) as written:
        return {"share": round(made.share(written.convert("RGB")), 4)}


def _write_picture(made: _Made, task: _Task, path: Path) -> Encoded:
    quality = int(task.options.get("quality", 92))
    if made.ground is None or task.format != "jpeg":
        return write_picture(made.image, path, format=task.format, quality=quality, mark=made.mark)
    path = path.with_suffix(".jpg")
    settings = {"icc_profile": SRGB_PROFILE, "xmp": xmp_packet(made.mark), "dpi": DENSITY}
    path.write_bytes(white_jpeg(made.image, made.ground, quality=quality, **settings))
    return describe(path, "jpeg", made.image.size)
