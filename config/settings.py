"""Settings of every CUX process.

Everything that differs between machines comes from the environment; what is absent is taken from the
embedded servers' own record under `var/` (made on first use, secrets 0600).
"""

import json
import os
from pathlib import Path
from typing import cast

from django.core.exceptions import ImproperlyConfigured

from accounts.networks import parse_networks
from config.logs import configure_logging
from core.embedded.environment import database_settings, load
from core.embedded.paths import run_directory, var_directory
from core.money import NANO_PER_USD

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = var_directory()
ENVIRONMENT = load(VAR_DIR)

DEBUG = False
SECRET_KEY = ENVIRONMENT["SECRET_KEY"]
PRODUCTION = os.environ.get("CUX_PRODUCTION") == "1"
ALLOWED_HOSTS = os.environ.get("CUX_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("CUX_TRUSTED_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django_htmx",
    "core",
    "accounts",
    "billing",
    "exchange",
    "inference",
    "api",
    "web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "web:login"
LOGIN_REDIRECT_URL = "web:market"
LOGOUT_REDIRECT_URL = "web:login"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


_CONNECTION = {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
# Connections shared by the threads of a web process; 0: each thread keeps its own (workers, commands).
DATABASE_POOL = int(os.environ.get("CUX_DATABASE_POOL", "0"))


def pooled(database: dict[str, object], size: int) -> dict[str, object]:
    """Return the settings with a pool of at most `size` connections; as they are for size 0."""
    if not size:
        return database
    pool = {"min_size": 1, "max_size": size, "timeout": 5}
    options = {**cast("dict[str, object]", database["OPTIONS"]), "pool": pool}
    return {**database, "CONN_MAX_AGE": 0, "OPTIONS": options}


def patient(database: dict[str, object]) -> dict[str, object]:
    """Return the settings with a limit on how long a lock is waited for, and so on how long a migration
    that waits for one has everybody else wait behind it."""
    options = {"options": "-c lock_timeout=5s", **cast("dict[str, object]", database["OPTIONS"])}
    return {**database, "OPTIONS": options}


DATABASES = {
    # The app's role may only insert into and read the append-only tables; `owner` migrates.
    "default": pooled(_CONNECTION | database_settings(ENVIRONMENT["DATABASE_URL"]), DATABASE_POOL),
    "owner": _CONNECTION | patient(database_settings(ENVIRONMENT["DATABASE_OWNER_URL"])),
}
DATABASE_URL = ENVIRONMENT["DATABASE_URL"]

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# In production `collectstatic` gives each file a name with its digest; elsewhere they are served as they lie.
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None
_STATIC = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if PRODUCTION
    else "django.contrib.staticfiles.storage.StaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC},
}
WHITENOISE_USE_FINDERS = not PRODUCTION

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["api.v1.rendering.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.v1.rendering.JsonParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.auth.ApiKeyAuthentication"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.v1.rendering.AlwaysJson",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "api.errors.drf_exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CUX, the compute-unit exchange",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["api.openapi.complete"],
}

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# -- the processes and where they meet
BROKER_URL = ENVIRONMENT["BROKER_URL"]
SEQUENCER_SOCKET = os.environ.get("CUX_SEQUENCER_SOCKET", str(run_directory(VAR_DIR) / "sequencer.sock"))
DISABLED_ORDER_KINDS = frozenset(filter(None, os.environ.get("CUX_DISABLED_ORDER_KINDS", "").split(",")))
EXCHANGE_URL = os.environ.get("CUX_EXCHANGE_URL", "http://127.0.0.1:8000")
RELAY_URL = os.environ.get("CUX_RELAY_URL", "http://127.0.0.1:8001")
RELAY_INTERNAL_TOKEN = ENVIRONMENT["RELAY_TOKEN"]
SEALING_KEY = ENVIRONMENT["SEALING_KEY"]
RECEIPT_SIGNING_SEED = ENVIRONMENT["SIGNING_SEED"]
# Public keys from before, by commas, as `manage.py signing_key` prints them: `KEY FROM UNTIL`.
RETIRED_SIGNING_KEYS = [e for e in os.environ.get("RETIRED_SIGNING_KEYS", "").split(",") if e.strip()]

# -- Stripe. Without a key of one's own, the double of Stripe that runs beside (`stripe_double`) is asked; its
# address is used for nothing else.
STRIPE_API_KEY = os.environ.get("STRIPE_API_KEY", "")
STRIPE_API_BASE = os.environ.get(
    "STRIPE_API_BASE",
    "" if STRIPE_API_KEY else os.environ.get("CUX_STRIPE_DOUBLE_URL", "http://127.0.0.1:8002"),
)
# Where people are sent to pay and to say whom to pay: forms of ours may lead there.
STRIPE_PAGES = [
    *([STRIPE_API_BASE] if STRIPE_API_BASE else []),
    *("https://checkout.stripe.com", "https://connect.stripe.com", "https://hooks.stripe.com"),
]
# By commas: two while one is being replaced. Without a key of one's own, the double's.
STRIPE_WEBHOOK_SECRETS = [
    secret
    for secret in (os.environ.get("STRIPE_WEBHOOK_SECRETS") or ENVIRONMENT["STRIPE_DOUBLE_SECRET"]).split(",")
    if secret
]

# Who sells: stands on every tax document. Address lines by "|".
SELLER: dict[str, str] = {
    "name": os.environ.get("CUX_SELLER_NAME", "CUX Exchange Ltd. (demo)"),
    "address": os.environ.get("CUX_SELLER_ADDRESS", "1 Example Quay|Dublin 2|D02 XX00"),
    "country": os.environ.get("CUX_SELLER_COUNTRY", "IE"),
    "vat_id": os.environ.get("CUX_SELLER_VAT_ID", "IE0000000AA"),
    "email": os.environ.get("CUX_SELLER_EMAIL", "billing@cux.example"),
}

# Networks (CIDR, by commas) of the proxies whose X-Forwarded-For is believed; nobody's if empty.
TRUSTED_PROXIES = parse_networks(filter(None, os.environ.get("CUX_TRUSTED_PROXIES", "").split(",")))
# Networks beside the public internet that webhooks may be sent to, by http too; for tests and inner networks.
WEBHOOK_NETWORKS = parse_networks(filter(None, os.environ.get("CUX_WEBHOOK_NETWORKS", "").split(",")))
# Requests that one API key, or one address without a key, may make of one web process in a second; orders
# are counted apart, at the sequencer's door.
REQUEST_LIMIT = int(os.environ.get("CUX_REQUEST_LIMIT", "1000"))

# -- rules of the market that an operator may set
# `live`, or `test`: a market of paper money, whose API keys say so and in which bots of the house quote.
MARKET_MODE = os.environ.get("MARKET_MODE") or "live"
if MARKET_MODE not in ("live", "test"):
    raise ImproperlyConfigured(f"MARKET_MODE must be live or test, and is {MARKET_MODE!r}.")
JOB_DEADLINE_S = int(os.environ.get("CUX_JOB_DEADLINE_S", "180"))
# A batch's job waits behind all others for a slot, with its compute reserved, for so long; then it gives the
# compute back and its line begins anew. So many jobs of an organisation's batches run or wait so at once.
BATCH_JOB_DEADLINE_S = int(os.environ.get("CUX_BATCH_JOB_DEADLINE_S", "900"))
BATCH_JOBS_AT_ONCE = int(os.environ.get("CUX_BATCH_JOBS_AT_ONCE", "8"))
LEASE_CLAIM_S = int(os.environ.get("CUX_LEASE_CLAIM_S", "5"))
HEARTBEAT_S = int(os.environ.get("CUX_HEARTBEAT_S", "5"))
PROVIDER_DARK_S = int(os.environ.get("CUX_PROVIDER_DARK_S", "20"))
COVER_S = int(os.environ.get("CUX_COVER_S", "10"))
# Who verifies answers, by model: our own engine with the catalogue's weights, as JSON such as
# {"smollm2-135m-instruct": {"url": "http://verifier:8000", "sampler": "vllm-cpu"}}. Without one no audits.
VERIFIERS = json.loads(os.environ.get("CUX_VERIFIERS", "{}"))
# The most that a lot of cover may cost beyond the last day's average price, 30 %.
COVER_PREMIUM_PPM = int(os.environ.get("CUX_COVER_PREMIUM_PPM", "300000"))
# The most that a lot bought for one request may cost beyond the usual price, 10 %, if it names no price.
JOB_BUY_PREMIUM_PPM = int(os.environ.get("CUX_JOB_BUY_PREMIUM_PPM", "100000"))
# The most that insurance adds to what buyers are credited when a provider's honesty is refuted: per failure.
CLAW_BACK_INSURANCE_MAX_NANO_USD = int(
    os.environ.get("CUX_CLAW_BACK_INSURANCE_MAX_NANO_USD", str(10 * NANO_PER_USD))
)
INSURANCE_SHARE_PPM = int(os.environ.get("CUX_INSURANCE_SHARE_PPM", "100000"))
PUBLIC_ACCESS_SHARE_PPM = int(os.environ.get("CUX_PUBLIC_ACCESS_SHARE_PPM", "50000"))
# How much compute the public-access pool pays for a day (UTC) and organisation without money; 0: none.
PUBLIC_ACCESS_DAY_UCU = int(os.environ.get("CUX_PUBLIC_ACCESS_DAY_UCU", "5000"))
# Where ladders and their gates are; what a right answer is worth to a caller who does not say, $0.02; and
# what a CU counts as costing where its class has no market to ask, $20.
LADDERS_DIRECTORY = Path(os.environ.get("CUX_LADDERS_DIRECTORY", BASE_DIR / "inference" / "gate" / "ladders"))
ADAPTIVE_VALUE_NANO_USD = int(os.environ.get("CUX_ADAPTIVE_VALUE_NANO_USD", "20000000"))
ADAPTIVE_PRICE_NANO_USD_PER_CU = int(os.environ.get("CUX_ADAPTIVE_PRICE_NANO_USD_PER_CU", "20000000000"))


# -- money that may be taken back. Card money is at risk of a dispute for so long; money of a new card, first
# seen within the longer time, for that. What providers earn by it is not paid out meanwhile.
CARD_RISK_S = int(os.environ.get("CUX_CARD_RISK_S", str(7 * 86_400)))
NEW_CARD_RISK_S = int(os.environ.get("CUX_NEW_CARD_RISK_S", str(30 * 86_400)))
# For how many days a provider's hold-back is kept, by its trust tier; by commas, such as `L0:30,L1:7`.
HOLD_BACK_DAYS = {
    tier: int(days)
    for tier, days in (
        pair.split(":") for pair in os.environ.get("CUX_HOLD_BACK_DAYS", "L0:30,L1:7,L2:4,L3:2").split(",")
    )
}
# When payouts of a day are decided (hour, UTC), the least and the most that is paid out to one in 24 hours.
PAYOUT_HOUR_UTC = int(os.environ.get("CUX_PAYOUT_HOUR_UTC", "6"))
PAYOUT_MIN_NANO_USD = int(os.environ.get("CUX_PAYOUT_MIN_NANO_USD", str(10 * NANO_PER_USD)))
PAYOUT_DAY_MAX_NANO_USD = int(os.environ.get("CUX_PAYOUT_DAY_MAX_NANO_USD", str(25_000 * NANO_PER_USD)))
# From deposit to payout in a few days: when this much, and this share, of the card money that organisations
# paid in within the time went to one provider, its payout waits for two operators.
PASS_THROUGH_S = int(os.environ.get("CUX_PASS_THROUGH_S", str(7 * 86_400)))
PASS_THROUGH_NANO_USD = int(os.environ.get("CUX_PASS_THROUGH_NANO_USD", str(500 * NANO_PER_USD)))
PASS_THROUGH_PPM = int(os.environ.get("CUX_PASS_THROUGH_PPM", "800000"))

LOGGING_CONFIG = None
configure_logging()
