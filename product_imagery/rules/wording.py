"""Wording of findings: a label, the measured value and what is asked for, in the reader's language."""

from __future__ import annotations

from typing import Any

from product_imagery.texts import gettext, gettext_noop

LABELS = {
    "readable": gettext_noop("The picture cannot be read"),
    "format": gettext_noop("File format"),
    "ending": gettext_noop("Ending of the file name"),
    "file_name": gettext_noop("File name"),
    "bytes": gettext_noop("Size of the file"),
    "width": gettext_noop("Width"),
    "height": gettext_noop("Height"),
    "shortest": gettext_noop("Shorter side"),
    "longest": gettext_noop("Longer side"),
    "sides": gettext_noop("Width and height together"),
    "pixels": gettext_noop("Number of pixels"),
    "ratio": gettext_noop("Width to height"),
    "colours": gettext_noop("Colour space"),
    "bits": gettext_noop("Bits of a colour"),
    "alpha": gettext_noop("Transparency"),
    "white": gettext_noop("White part of the ground"),
    "fill": gettext_noop("Share of the frame that the product fills"),
    "product": gettext_noop("Longer side of the product without its margins"),
    "touching": gettext_noop("Sides of the frame that the product touches"),
    "strays": gettext_noop("Loose parts beside the product"),
    "border": gettext_noop("Border around the picture"),
    "sharpness": gettext_noop("Sharp part of the edges"),
    "mark": gettext_noop("Mark of the picture's origin"),
}
#: values that are no names of formats or colour spaces
VALUES = {
    "matching": gettext_noop("that of the format"),
    "other": gettext_noop("that of another format"),
    "plain": gettext_noop("plain letters and digits"),
    "special": gettext_noop("with special letters"),
    "opaque": gettext_noop("opaque"),
    "transparent": gettext_noop("transparent"),
    "none": gettext_noop("none"),
    "border": gettext_noop("there is one"),
    "grey": gettext_noop("shades of grey"),
    "RGB": gettext_noop("RGB with another profile"),
    "kept": gettext_noop("kept"),
    "lost": gettext_noop("lost"),
}
_LARGER = gettext_noop("Take a larger photo. The operation “upscale” enlarges a sharp one two or four times.")
_SMALLER = gettext_noop("The repair makes a smaller copy.")
_WRITTEN = gettext_noop("The repair writes such a file.")
_FRAMED = gettext_noop("The repair frames a product on a plain ground; on others, use a look with a white background.")
REMEDIES = {
    "readable": "",  # the reason says what to do
    "format": _WRITTEN,
    "ending": _WRITTEN,
    "file_name": gettext_noop("Give the file a name of plain letters, digits and hyphens."),
    "bytes": _WRITTEN,
    "width": _LARGER,
    "height": _LARGER,
    "shortest": _LARGER,
    "longest": _LARGER,
    "sides": _SMALLER,
    "pixels": _SMALLER,
    "ratio": _FRAMED,
    "colours": _WRITTEN,
    "bits": _WRITTEN,
    "alpha": _WRITTEN,
    "white": gettext_noop("The repair whitens a light, plain ground; on others, use a look with a white background."),
    "fill": _FRAMED,
    "product": _LARGER,
    "touching": gettext_noop("Take a photo that shows the whole product."),
    "strays": gettext_noop("Remove what does not belong to the product, or check that the parts do."),
    "border": gettext_noop("Cut the border off."),
    "sharpness": gettext_noop("It was probably enlarged, or is out of focus: take a sharper photo."),
    "mark": gettext_noop("Publish the file with its metadata: a picture made by a computer has to say so."),
}
_SHARES = {"white", "fill", "sharpness"}
#: units of measures, the largest first, with their sizes
_UNITS = {
    "bytes": (("MB", 1e6), ("kB", 1e3), ("B", 1)),
    "pixels": (("MP", 1e6), ("px", 1)),
    **dict.fromkeys(("width", "height", "shortest", "longest", "sides", "product"), (("px", 1),)),
}


def sentence_of(rule: str, level: str, measured: Any, asked: Any, bound: str) -> str:
    """Return a sentence such as “Longer side: 800 px. Required: at least 1000 px.”"""
    values = {"label": gettext(LABELS[rule]), "measured": shown(rule, measured), "asked": _asked(rule, asked)}
    return gettext(_SENTENCES[level if not bound else f"{level} {bound}"]) % values


_SENTENCES = {
    "fail": gettext_noop("%(label)s: %(measured)s"),
    "pass": gettext_noop("%(label)s: %(measured)s."),
    "unknown": gettext_noop("%(label)s: cannot be measured in this picture."),
    "fail least": gettext_noop("%(label)s: %(measured)s. Required: at least %(asked)s."),
    "fail most": gettext_noop("%(label)s: %(measured)s. Required: at most %(asked)s."),
    "fail one_of": gettext_noop("%(label)s: %(measured)s. Required: %(asked)s."),
    "warn least": gettext_noop("%(label)s: %(measured)s. Advised: at least %(asked)s."),
    "warn most": gettext_noop("%(label)s: %(measured)s. Advised: at most %(asked)s."),
    "warn one_of": gettext_noop("%(label)s: %(measured)s. Advised: %(asked)s."),
}


def _asked(rule: str, asked: Any) -> str:
    if isinstance(asked, list):
        return ", ".join(one if rule == "ratio" else shown(rule, one) for one in asked)
    return shown(rule, asked)


def shown(rule: str, value: Any) -> str:
    """Return a measured or required value with its unit."""
    if value is None or isinstance(value, str):
        return gettext(VALUES.get(value or "", value or ""))
    if rule == "ratio":
        return f"{value:.3g}:1" if value >= 1 else f"1:{1 / value:.3g}"
    if rule in _SHARES:
        return f"{_towards_fault(value):.4g} %"
    unit, divisor = next((one for one in _UNITS.get(rule, ()) if value >= one[1]), ("", 1))
    return f"{value / divisor:.5g} {unit}".rstrip()


def _towards_fault(share: float) -> float:
    """Return percent with one digit, never rounded up to a whole that was not reached."""
    return int(share * 1000) / 10
