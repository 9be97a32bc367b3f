"""The page between a password and the desk."""

from base64 import b32encode
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from instagram_webhooks.desk.people import second_factor

NEXT = "next"
PAGE = "instagram_webhooks/second_factor.html"


class CodeForm(forms.Form):
    """One code, as an app or a sheet of paper shows it."""

    code = forms.CharField(
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )

    def clean_code(self) -> str:
        """Apps show it in groups."""
        return str(self.cleaned_data["code"]).replace(" ", "").lower()


@never_cache
@sensitive_post_parameters("code")
def page(request: HttpRequest, about: dict[str, Any]) -> HttpResponse:
    """Asks for a code; where the person has no app yet, shows the key to give to one. `about`: what every page has."""
    is_new = not second_factor.is_enrolled(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            if is_new:
                codes = second_factor.enrol(request, form.cleaned_data["code"])
                return _shown(request, about, title="Keep these codes", recovery_codes=codes)
            second_factor.show(request, form.cleaned_data["code"])
            return HttpResponseRedirect(_next(request))
        except second_factor.CodeRefused as refused:
            form.add_error("code", str(refused))
    title = "Give your app this key" if is_new else "Second factor"
    return _shown(request, about, title=title, form=form, **(_key(request) if is_new else {}))


def _shown(request: HttpRequest, about: dict[str, Any], **more: Any) -> TemplateResponse:
    return TemplateResponse(request, PAGE, {**about, "next": _next(request), "next_name": NEXT, **more})


def _key(request: HttpRequest) -> dict[str, Any]:
    device = second_factor.offered(request.user)
    letters = b32encode(device.bin_key).decode()
    return {"key": " ".join(letters[at : at + 4] for at in range(0, len(letters), 4)), "qr": _qr(device.config_url)}


def _qr(text: str) -> SafeString:
    """An SVG made of our own text: it holds no markup of anybody else's."""
    import qrcode  # seldom asked for
    from qrcode.image.svg import SvgPathImage

    image = qrcode.make(text, image_factory=SvgPathImage, box_size=8)
    return SafeString(image.to_string(encoding="unicode"))


def _next(request: HttpRequest) -> str:
    """Where the person was going, if that is on this host; else the first page."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else "/admin/"
