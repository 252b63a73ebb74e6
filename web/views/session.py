"""Signing in and out."""

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse

from accounts.networks import client_address
from core.clock import utc_now
from core.errors import CuxError
from web.services.login_attempts import login_attempt_take, login_attempts_forget

WRONG = "That name and password do not go together. Check both and try again."


class SignInForm(AuthenticationForm):
    """Name and password; a wrong pair never says which of the two was wrong."""

    error_messages = {"invalid_login": WRONG, "inactive": WRONG}


class SignIn(LoginView):
    """The sign-in page; attempts are counted per name and address."""

    template_name = "web/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Count the attempt, then look at the password."""
        try:
            login_attempt_take(**self._who(), now=utc_now())
        except CuxError as refused:
            context = self.get_context_data(form=SignInForm(request), wait_s=refused.retry_after_s)
            response = self.render_to_response(context, status=refused.status)
            response["Retry-After"] = str(refused.retry_after_s)
            return response
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and start counting anew."""
        login_attempts_forget(**self._who())
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the page again, as a refusal."""
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def _who(self) -> dict[str, str]:
        return {"username": self.request.POST.get("username", "")[:254], "address": _address(self.request)}


def _address(request: HttpRequest) -> str:
    """Return whence a request comes, as trusted proxies say."""
    forwarded = request.headers.get("X-Forwarded-For")
    return client_address(request.META.get("REMOTE_ADDR", ""), forwarded, settings.TRUSTED_PROXIES)
