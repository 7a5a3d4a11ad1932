"""The engine on the shop's own machine, which needs no network, account or key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from product_imagery.provider_kit.contract import Conversation, Job, Offer, Operation, Provider
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import Finished, Picture
from product_imagery.provider_kit.requests import Compute
from product_imagery.texts import gettext_noop

_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "avif": "AVIF"}
_SCENES = {
    "studio_sweep": gettext_noop("Studio sweep"),
    "marble": gettext_noop("White marble"),
    "wood": gettext_noop("Oak table"),
    "linen": gettext_noop("Linen cloth"),
    "concrete": gettext_noop("Concrete"),
    "nature_light": gettext_noop("Garden light"),
    "luxury_dark": gettext_noop("Black and gold"),
    "pastel_gradient": gettext_noop("Pastel"),
    "terrazzo": gettext_noop("Terrazzo"),
    "sand": gettext_noop("Sand and sky"),
    "slate": gettext_noop("Dark slate"),
    "dusk": gettext_noop("Plaster and dusk"),
}
_POSES = {
    "auto": gettext_noop("By its shape"),
    "stand": gettext_noop("Standing on the floor"),
    "lie": gettext_noop("Lying, seen from above"),
    "hang": gettext_noop("Hanging on the wall"),
}
_QUALITY = Option(
    "quality",
    Kind.INTEGER,
    90,
    gettext_noop("of JPEG, WebP and AVIF"),
    minimum=50,
    maximum=100,
    changes_picture=False,
)
_SIZE = Option(
    "size",
    Kind.INTEGER,
    0,
    gettext_noop("longest side in pixels; 0: by the product's resolution"),
    minimum=0,
    maximum=6000,
)
_RATIO = Option("ratio", Kind.RATIO, "1:1", gettext_noop("of the frame"))
_SAME_FORMAT = Option(
    "format",
    Kind.CHOICE,
    "source",
    choices={"source": gettext_noop("as the source"), **_FORMATS},
    changes_picture=False,
)
#: what a person says about one picture, for the operations that cut out
_HINT = (
    Option(
        "region",
        Kind.REGION,
        "",
        gettext_noop("box around the product in the source picture: nothing outside of it is product"),
        added=True,
        label=gettext_noop("The product"),
        one_picture=True,
    ),
    Option(
        "keep",
        Kind.STROKES,
        "",
        gettext_noop("points or strokes on parts of the product that were lost"),
        added=True,
        label=gettext_noop("Keep"),
        one_picture=True,
    ),
    Option(
        "remove",
        Kind.STROKES,
        "",
        gettext_noop("points or strokes on what is not the product"),
        added=True,
        label=gettext_noop("Remove"),
        one_picture=True,
    ),
)


def _format(default: str, *names: str) -> Option:
    choices = {name: _FORMATS[name] for name in names or _FORMATS}
    return Option("format", Kind.CHOICE, default, choices=choices, changes_picture=False)


def _fill(default: float) -> Option:
    return Option(
        "fill",
        Kind.NUMBER,
        default,
        gettext_noop("share of the frame that the product fills"),
        minimum=0.2,
        maximum=1.0,
    )


class LocalEngine(Provider):
    """Matting with a small ONNX model, packshots, rendered scenes, enlarging, expanding."""

    slug = "local"
    label = gettext_noop("This machine")
    currency = ""
    repeatable = True
    computes = True
    needs_credential = False
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.WHITE_BACKGROUND: Offer(
            (
                Option("background", Kind.COLOUR, "#FFFFFF", gettext_noop("colour of the background")),
                _RATIO,
                _SIZE,
                _fill(0.88),
                Option("shadow", Kind.BOOLEAN, False, gettext_noop("soft shadow where the product touches the ground")),
                _format("jpeg"),
                _QUALITY,
                Option(
                    "exact_white",
                    Kind.BOOLEAN,
                    False,
                    gettext_noop("the background has its exact colour in every pixel: a PNG, several times as large"),
                    label=gettext_noop("Exact white"),
                ),
                *_HINT,
            ),
            seconds=2,
        ),
        Operation.REMOVE_BACKGROUND: Offer(
            (
                Option("crop", Kind.BOOLEAN, False, gettext_noop("cut the frame to the product")),
                _format("png", "png", "webp", "avif"),
                _QUALITY,
                *_HINT,
            ),
            seconds=2,
        ),
        Operation.SCENE: Offer(
            (
                Option("scene", Kind.CHOICE, "studio_sweep", choices=_SCENES),
                Option(
                    "variants",
                    Kind.INTEGER,
                    1,
                    gettext_noop("pictures to choose from"),
                    minimum=1,
                    maximum=4,
                    changes_picture=False,
                ),
                Option(
                    "seed",
                    Kind.INTEGER,
                    1,
                    gettext_noop("another number gives another arrangement"),
                    minimum=0,
                    maximum=999_999_999,
                ),
                _RATIO,
                _SIZE,
                _fill(0.6),
                Option(
                    "pose",
                    Kind.CHOICE,
                    "auto",
                    choices=_POSES,
                    added=True,
                    label=gettext_noop("Pose"),
                ),
                Option(
                    "keep_colours",
                    Kind.BOOLEAN,
                    True,
                    gettext_noop("otherwise the light of the scene tints and shades the product"),
                    added=True,
                    label=gettext_noop("Keep the product's colours"),
                ),
                _format("jpeg"),
                _QUALITY,
                *_HINT,
            ),
            seconds=3,
        ),
        Operation.UPSCALE: Offer(
            (Option("factor", Kind.CHOICE, "2", choices={"2": "2×", "4": "4×"}), _SAME_FORMAT, _QUALITY),
            seconds=5,
            growth=lambda options: float(options["factor"]),
        ),
        Operation.EXPAND: Offer(
            (Option("ratio", Kind.RATIO, "4:5", gettext_noop("of the result")), _SAME_FORMAT, _QUALITY), seconds=4
        ),
    }
    review_warnings = frozenset({"unsure_what_the_product_is", "low_contrast", "perhaps_a_person"})
    warning_texts: ClassVar[Mapping[str, str]] = {
        "soft_matte": gettext_noop("Much of the edge is uncertain, as with glass, fur or haze."),
        "unsure_what_the_product_is": gettext_noop(
            "It is not clear what the product is: check that it is complete and alone."
        ),
        "low_contrast": gettext_noop("The product hardly stands out from its background, so its edge may be wrong."),
        "perhaps_a_person": gettext_noop(
            "Something of the colour of skin comes in from the edge of the photo: check that no hand or arm is left."
        ),
        "touches_the_frame": gettext_noop("The product is cut off by the edge of the photo."),
        "very_small_product": gettext_noop("The product is very small in the photo."),
        "enlarged": gettext_noop("The product was enlarged to fill the frame; a larger photo would be sharper."),
        "background_invented": gettext_noop("Parts of the background are made up."),
        "background_hard_to_continue": gettext_noop(
            "The background does not simply go on beyond the photo, so look at the added edges. A plain background in "
            "this shape has none."
        ),
    }

    def submit(self, job: Job) -> Conversation:
        """Compute all results in this call."""
        pictures: list[Picture] = []
        for given in job.inputs:
            assert job.folder is not None
            folder = job.folder / str(given.item_id)
            folder.mkdir(exist_ok=True)
            made = yield Compute(
                "product_imagery.providers.local.engine:enhance",
                {
                    "source": str(given.path),
                    "folder": str(folder),
                    "operation": str(job.operation),
                    "options": dict(job.options),
                    "engine": dict(job.settings["engine"]),
                    "limits": dict(job.settings["limits"]),
                },
            )
            pictures += [Picture(item_id=given.item_id, **{**one, "warnings": tuple(one["warnings"])}) for one in made]
        return Finished(tuple(pictures))
