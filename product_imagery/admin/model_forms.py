"""Base of forms that set columns for which they have no field of the same name."""

from __future__ import annotations

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model form that shows faults of columns without a field above the form."""

    def _update_errors(self, errors: ValidationError) -> None:
        by_field = getattr(errors, "error_dict", {})
        for name in by_field.keys() - self.fields.keys() - {NON_FIELD_ERRORS}:
            by_field.setdefault(NON_FIELD_ERRORS, []).extend(by_field.pop(name))
        super()._update_errors(errors)  # type: ignore[misc]
