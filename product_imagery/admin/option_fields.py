"""Form fields of options: labels and known values in the shop's language, beside which any other value can be typed."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.provider_kit.options import Kind, Option

_LABELS = {
    "background": _("Background colour"),
    "category": _("Kind of product"),
    "crop": _("Cut the frame to the product"),
    "factor": _("How much larger"),
    "fill": _("Room around the product"),
    "format": _("Kind of file"),
    "instructions": _("Wishes for all pictures"),
    "location": _("Place"),
    "model": _("Model"),
    "preset": _("The provider's look"),
    "prompt": _("Describe the picture"),
    "quality": _("Quality of the file"),
    "ratio": _("Shape"),
    "scale": _("How much larger"),
    "scene": _("Scene"),
    "seed": _("Arrangement"),
    "shadow": _("Soft shadow"),
    "size": _("Longest side"),
    "variants": _("Pictures to choose from"),
}
_HELP = {
    "crop": "",
    "fill": _("the share of the frame that the product fills, from 0.2 to 1"),
    "format": "",
    "quality": _("higher is sharper and larger; PNG is always exact"),
    "ratio": _("width:height, as 4:5"),
    "seed": _("another number gives another arrangement"),
    "shadow": _("where the product touches the ground"),
    "size": _("in pixels; 0: as large as the photo allows"),
    "variants": _("of each product; you choose one"),
}
_AS_PHOTO = _("As the photo")
_RATIOS = {
    "1:1": _("Square 1:1"),
    "4:5": _("Portrait 4:5"),
    "3:4": _("Portrait 3:4"),
    "2:3": _("Portrait 2:3"),
    "9:16": _("Tall 9:16"),
    "4:3": _("Landscape 4:3"),
    "3:2": _("Landscape 3:2"),
    "16:9": _("Wide 16:9"),
    "source": _AS_PHOTO,
}
_KNOWN: dict[str, dict[Any, Any]] = {
    "size": {0: _("By the photo"), 1000: "1000", 1600: "1600", 2000: "2000", 3000: "3000"},
    "quality": {75: _("Small file (75)"), 90: _("Good (90)"), 97: _("Best (97)")},
    "fill": {
        0.45: _("Much (fills 45 %)"),
        0.6: _("Airy (fills 60 %)"),
        0.75: _("Some (fills 75 %)"),
        0.88: _("As marketplaces ask (fills 88 %)"),
        0.95: _("Hardly any (fills 95 %)"),
    },
}
#: operations: what they are called, and what they do
WORK: dict[str, tuple[Any, Any]] = {
    "white_background": (_("Plain background"), _("white or another colour, with or without a shadow")),
    "remove_background": (_("Cut out"), _("the product alone, on a transparent ground")),
    "scene": (_("Scene"), _("the product in a setting")),
    "upscale": (_("Enlarge"), _("more pixels for big screens")),
    "expand": (_("Another shape"), _("more room at the edges, nothing stretched")),
    "edit": (_("Change as described"), _("by a text that says what should change")),
}
_LONGEST = 4000  #: characters of strokes
_OWN = "own"  #: suffix of the input beside a select


class KnownOrOwnInput(forms.MultiWidget):
    """A select of known values with an input for another one, whose text counts when it is not empty."""

    template_name = "admin/product_imagery/known_or_own.html"

    def __init__(self, choices: list[tuple[str, Any]], number: bool = False) -> None:
        self._known = {value for value, _label in choices}
        attrs = {"size": 14, "data-own": "", "aria-label": _("or another value"), "placeholder": _("or another value")}
        own = forms.TextInput(attrs={**attrs, **({"inputmode": "decimal"} if number else {})})
        select = forms.Select(choices=[*choices, ("", _("Other"))], attrs={"data-known": ""})
        super().__init__({"": select, _OWN: own})

    def use_required_attribute(self, initial: Any) -> bool:
        """Return false: one of the two inputs is enough."""
        return False

    def id_for_label(self, id_: str) -> str:
        """Return the id of the select."""
        return f"{id_}_0" if id_ else id_

    def decompress(self, value: Any) -> list[str]:
        """Return the values of select and input for a value of the option."""
        text = "" if value is None else str(value)
        return [text, ""] if text in self._known else ["", text]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return what was typed, or else what was chosen; a value may also come under the name of the select alone."""
        chosen, typed = super().value_from_datadict(data, files, name)
        return (typed or "").strip() or chosen or ""

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return true if the option is not in the form at all."""
        return name not in data


class RegionInput(forms.MultiWidget):
    """Four numbers: a box in shares of the picture."""

    template_name = "admin/product_imagery/region.html"
    _PARTS: ClassVar[dict[str, Any]] = {
        "x": _("From the left"),
        "y": _("From the top"),
        "width": _("Width"),
        "height": _("Height"),
    }

    def __init__(self) -> None:
        one = {"min": 0, "max": 1, "step": "any", "inputmode": "decimal"}
        super().__init__(
            {part: forms.NumberInput(attrs={**one, "data-region": part, "aria-label": label, "placeholder": label})
             for part, label in self._PARTS.items()}
        )  # fmt: skip

    def id_for_label(self, id_: str) -> str:
        """Return the id of the first input."""
        return f"{id_}_0" if id_ else id_

    def decompress(self, value: Any) -> list[str]:
        """Return the four numbers of a region."""
        return str(value).split(",") if value else ["", "", "", ""]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the region as text; empty if nothing was entered."""
        parts = super().value_from_datadict(data, files, name)
        return ",".join(part or "" for part in parts) if any(parts) else ""


def field_of(option: Option, value: Any) -> forms.Field:
    """Return the form field of an option, with ``value`` before anything is entered."""
    common: dict[str, Any] = {"label": label_of(option), "help_text": _HELP.get(option.name, gettext(option.help))}
    common["initial"] = value
    if option.kind is Kind.CHOICE:
        return forms.ChoiceField(
            choices=[(value, gettext(text)) for value, text in (option.choices or {}).items()], **common
        )
    if option.kind is Kind.BOOLEAN:
        return forms.BooleanField(required=False, **common)
    if known := _known_of(option):
        common["widget"] = KnownOrOwnInput(known, option.kind is not Kind.RATIO)
    if option.kind in (Kind.INTEGER, Kind.NUMBER):
        number: Any = forms.IntegerField if option.kind is Kind.INTEGER else forms.FloatField
        return number(min_value=option.minimum, max_value=option.maximum, **common)  # type: ignore[no-any-return]
    if option.kind is Kind.RATIO:
        return forms.CharField(max_length=20, **common)
    return _text_field(option, common)


def title_of(operation: str) -> Any:
    """Return the name of an operation."""
    return WORK[operation][0] if operation in WORK else str(operation).replace("_", " ").capitalize()


def label_of(option: Option) -> Any:
    """Return the label of an option."""
    declared = gettext(option.label) if option.label else ""
    return declared or _LABELS.get(option.name) or option.name.replace("_", " ").capitalize()


def misfit(option: Option) -> str:
    """Return a sentence for a field whose value does not fit the option."""
    return gettext("This does not fit: write %(expected)s.") % {"expected": option.expects()}


def shown(option: Option, value: Any) -> str:
    """Return an option and its value in words, as “Scene: Oak table”."""
    text: Any = dict(_known_of(option)).get(str(value), value)
    if option.kind is Kind.BOOLEAN:
        text = _("yes") if value else _("no")
    elif option.choices:
        text = gettext(option.choices.get(value, str(value)))
    return gettext("%(option)s: %(value)s") % {"option": label_of(option), "value": text}


def _text_field(option: Option, common: dict[str, Any]) -> forms.Field:
    if option.kind is Kind.REGION:
        return forms.CharField(required=False, widget=RegionInput(), **common)
    if option.kind is Kind.STROKES:
        hand = forms.TextInput(attrs={"data-strokes": option.name, "dir": "ltr", "placeholder": "0.3,0.4; 0.5,0.5"})
        return forms.CharField(required=False, widget=hand, max_length=_LONGEST, **common)
    if not option.is_free_text:
        attrs = {"type": "color"} if option.kind is Kind.COLOUR else {}
        return forms.CharField(widget=forms.TextInput(attrs=attrs), max_length=20, **common)
    is_long = option.kind is Kind.TEXT and (option.maximum or 0) > 120
    line = forms.URLInput(attrs={"dir": "ltr"}) if option.kind is Kind.URL else forms.TextInput(attrs={"dir": "auto"})
    area = forms.Textarea(attrs={"rows": 3, "dir": "auto"}) if is_long else line
    most = round(option.maximum or 0) or None
    return forms.CharField(widget=area, max_length=most, required=bool(option.minimum), **common)


def _known_of(option: Option) -> list[tuple[str, Any]]:
    """Return known values of an option with their labels, if there are any."""
    if option.kind is Kind.RATIO:
        return list(_RATIOS.items())
    if option.kind not in (Kind.INTEGER, Kind.NUMBER):
        return []
    low, high = option.minimum, option.maximum
    known = _KNOWN.get(option.name, {})
    if option.name == "variants" and high is not None and high <= 10:
        known = {number: str(number) for number in range(round(low or 1), round(high) + 1)}
    fitting = [(str(value), label) for value, label in known.items() if (low or 0) <= value <= (high or value)]
    return fitting if len(fitting) > 1 else []
