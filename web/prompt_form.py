"""The playground's question, and how much compute its answer may take."""

from typing import Any, Final

from django import forms

from core.money import PPM
from web.forms import WholeNumberField
from web.money_forms import UsdField
from web.selectors.asking import ModelChoice

ONCE: Final = "once"
AUTO: Final = "auto"
COMPUTE: Final = (
    (ONCE, "This model, once"),
    (AUTO, "As much as a right answer is worth"),
    (str(70 * PPM // 100), "Until it is right with 70 %"),
    (str(90 * PPM // 100), "Until it is right with 90 %"),
    (str(99 * PPM // 100), "Until it is right with 99 %"),
)
"""Ways to answer: the model by itself, or its ladder under a quote; numbers are chances in ppm."""


class PromptForm(forms.Form):
    """A question to one of the models. Those with a ladder can be asked for as much compute as it needs."""

    model = forms.ChoiceField()
    prompt = forms.CharField(
        max_length=8_000, widget=forms.Textarea, error_messages={"required": "Type a question first."}
    )
    max_tokens = WholeNumberField("tokens")
    compute = forms.ChoiceField(choices=COMPUTE, required=False)
    worth = UsdField(required=False)

    def __init__(self, *args: Any, models: list[ModelChoice], **options: Any) -> None:
        """Offer these models, the first by default."""
        super().__init__(*args, **options)
        self.models = models
        choice = self.fields["model"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(each.name, each.label) for each in models]

    @property
    def proposed(self) -> ModelChoice | None:
        """Return the model that is chosen when the page opens."""
        return self.models[0] if self.models else None

    def clean(self) -> dict[str, Any]:
        """Only a model with a ladder can be given more compute for a harder question."""
        data = super().clean() or {}
        ladders = {each.name for each in self.models if each.has_ladder}
        if data.get("compute") not in ("", ONCE, None) and data.get("model") not in ladders:
            self.add_error("compute", "This model has no ladder: it answers once.")
        return data

    @property
    def is_adaptive(self) -> bool:
        """Tell whether the checked form asks for a ladder's answer."""
        return self.cleaned_data["compute"] not in ("", ONCE)

    @property
    def quality_ppm(self) -> int | None:
        """Return the chance of being right that is asked for; None to weigh worth against price."""
        compute = self.cleaned_data["compute"]
        return None if compute == AUTO else int(compute)

    @property
    def question(self) -> dict[str, Any]:
        """Return model, prompt and longest answer."""
        return {name: self.cleaned_data[name] for name in ("model", "prompt", "max_tokens")}
