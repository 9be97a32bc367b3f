"""Django's and Celery's settings, built from the environment (environment.py says what each name means)."""

import sys
from datetime import timedelta
from pathlib import Path

import dj_email_url
from celery.schedules import crontab
from csp.constants import NONE, SELF

from audit.redaction import logging_config
from instagram_webhooks.conf import QUEUE, UPKEEP_QUEUE, WebhookSettings
from instagram_webhooks.events import PROVIDERS
from webhooks_project import environment
from webhooks_project.api_description import SPECTACULAR_SETTINGS  # noqa: F401 (Django reads it here)
from webhooks_project.connections import broker_transport_options, cache, database

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    env = environment.read()
except environment.Misconfigured as exc:
    # Not ImproperlyConfigured: `celery` and `manage.py` would print a traceback before the message.
    raise SystemExit(str(exc)) from None

# --- the trade -----------------------------------------------------------------------------------

WEBHOOKS = WebhookSettings(
    encryption_keys=env["ENCRYPTION_KEYS"],
    lookup_key=env["LOOKUP_KEY"],
    app_secrets={provider: env[f"{provider.upper()}_APP_SECRETS"] for provider in PROVIDERS},
    verify_tokens={provider: env[f"{provider.upper()}_VERIFY_TOKEN"] for provider in PROVIDERS},
    first_account_id=env["INSTAGRAM_ACCOUNT_ID"],
    first_account_token=env["INSTAGRAM_ACCESS_TOKEN"],
    graph_api_url=env["GRAPH_API_URL"].rstrip("/"),
    graph_api_version=env["GRAPH_API_VERSION"],
    graph_deadline_s=env["GRAPH_DEADLINE_S"],
    replies=env["REPLIES"],
    reply_policy=env["REPLY_POLICY"],
    reply_policy_budget_s=env["REPLY_POLICY_BUDGET_S"],
    ack_text=env["ACK_TEXT"],
    ack_cooldown_s=env["ACK_COOLDOWN_S"],
    human_pause_s=env["HUMAN_PAUSE_S"],
    reply_settle_s=env["REPLY_SETTLE_S"],
    max_attempts=env["WEBHOOK_MAX_ATTEMPTS"],
    retry_delays_s=env["WEBHOOK_RETRY_DELAYS_S"],
    lease_s=env["WEBHOOK_LEASE_S"],
    sweep_interval_s=env["WEBHOOK_SWEEP_INTERVAL_S"],
    dispatch_gate_s=env["WEBHOOK_DISPATCH_GATE_S"],
    worker_silent_s=env["WORKER_SILENT_S"],
    queue_limit=env["WEBHOOK_QUEUE_LIMIT"],
    key_memory_days=env["WEBHOOK_KEY_MEMORY_DAYS"],
    worker_concurrency=env["WORKER_CONCURRENCY"],
    desk_url=env["DESK_URL"].rstrip("/"),
    alert_head_age_s=env["ALERT_HEAD_AGE_S"],
    alert_oldest_s=env["ALERT_OLDEST_S"],
    alert_deaths_a_minute=env["ALERT_DEATHS_A_MINUTE"],
    alert_refused_a_minute=env["ALERT_REFUSED_A_MINUTE"],
    alert_account_silent_s=env["ALERT_ACCOUNT_SILENT_S"],
    metrics_token=env["METRICS_TOKEN"],
    metrics_host=env["HOST"],
    metrics_port=env["METRICS_PORT"],
)
ALERT_WEBHOOK_URL: str = env["ALERT_WEBHOOK_URL"]
ALERT_WEBHOOK_SECRET: bytes = env["ALERT_WEBHOOK_SECRET"]

# --- Django --------------------------------------------------------------------------------------

DEBUG: bool = env["DJANGO_DEBUG"]
SECRET_KEY: str = env["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = list(env["DJANGO_ALLOWED_HOSTS"])
INSTALLED_APPS = [
    "webhooks_project.apps.WebhooksProjectConfig",
    "instagram_webhooks",
    "dead_letters",
    "audit",
    "webhooks_project.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "django_celery_results",
    "pgtrigger",
]
MIDDLEWARE = [
    "webhooks_project.middleware.door_first",
    "webhooks_project.middleware.client_address",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",  # it writes down the length: what changes a page stands below
    "webhooks_project.middleware.all_visible",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webhooks_project.middleware.correlate",
    "axes.middleware.AxesMiddleware",
    "webhooks_project.page_time.told",
]
ROOT_URLCONF = "webhooks_project.urls"
WSGI_APPLICATION = "webhooks_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # served from the packages: a server needs no collectstatic
WHITENOISE_AUTOREFRESH = False
LOGGING = logging_config(level=env["LOG_LEVEL"], fmt=env["LOG_FORMAT"])

# --- database and cache --------------------------------------------------------------------------

# Migrations may run as the role that owns the tables; the service's own role can then be weaker.
_migrating = sys.argv[1:2] == ["migrate"]
DATABASES = {"default": database((_migrating and env["MIGRATION_DATABASE_URL"]) or env["DATABASE_URL"])}
CACHES = {"default": cache(env["REDIS_URL"])}

# --- Celery --------------------------------------------------------------------------------------

# The database row is the truth and a Celery message only a wake-up: what the broker loses or
# doubles, the sweep and the claim make good. Hence no results, no acknowledgements kept in Redis,
# and no time limits (threads have none; every outside call has a deadline instead).
CELERY_BROKER_URL: str = env["CELERY_BROKER_URL"] or env["REDIS_URL"]
CELERY_TASK_DEFAULT_QUEUE = QUEUE
CELERY_TASK_QUEUES = {QUEUE: {"exchange": QUEUE}, UPKEEP_QUEUE: {"exchange": UPKEEP_QUEUE}}
CELERY_TASK_ROUTES = {
    "instagram_webhooks.housekeeping": {"queue": UPKEEP_QUEUE},
    "instagram_webhooks.beat": {"queue": UPKEEP_QUEUE},
    "celery.backend_cleanup": {"queue": UPKEEP_QUEUE},
    "instagram_webhooks.check_accounts": {"queue": UPKEEP_QUEUE},
}
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_RESULT_BACKEND = "webhooks_project.results:NamedResults"  # daily jobs only; process_event ignores results
CELERY_RESULT_EXPIRES = 30 * 24 * 3600
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ANNOTATIONS = {"celery.backend_cleanup": {"ignore_result": False, "track_started": True}}
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_RESULT_EXTENDED = False  # extended results would store arguments
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY: int = env["WORKER_CONCURRENCY"]
CELERY_WORKER_POOL: str = env["WORKER_POOL"]
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_DB_REUSE_MAX = 10_000  # or Celery closes the database connection after each task
CELERY_BROKER_TRANSPORT_OPTIONS = broker_transport_options(CELERY_BROKER_URL)
if CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"  # native delayed delivery needs it

# Daily jobs have a time of day: beat keeps no file, and counts what comes every so often from its own start.
CELERY_BEAT_SCHEDULE = {
    "housekeeping": {
        "task": "instagram_webhooks.housekeeping",
        "schedule": crontab(hour="3", minute="20"),
        "options": {"queue": UPKEEP_QUEUE, "expires": 3600},
    },
    "celery.backend_cleanup": {  # Celery's own, under its name, or it would add one to the queue of events
        "task": "celery.backend_cleanup",
        "schedule": crontab(hour="4", minute="0"),
        "options": {"queue": UPKEEP_QUEUE, "expires": 3600},
    },
    "beat": {  # its heartbeat: gone before the next, so that a worker that was away finds one
        "task": "instagram_webhooks.beat",
        "schedule": 60.0,
        "options": {"queue": UPKEEP_QUEUE, "expires": 60},
    },
    "check_accounts": {
        "task": "instagram_webhooks.check_accounts",
        "schedule": crontab(hour="2", minute="0"),
        "options": {"queue": UPKEEP_QUEUE, "expires": 3600},
    },
}

# --- REST API ------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "audit.rest.problems.problem",
    "DEFAULT_SCHEMA_CLASS": "audit.rest.schema.Schema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.DefaultContentNegotiation",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,  # all is JSON; a parameter of this name is an unknown one
}
API_RATE: tuple[int, int] = env["API_RATE"]
API_RATE_UNKNOWN: tuple[int, int] = env["API_RATE_UNKNOWN"]
REST_KNOX = {"AUTH_HEADER_PREFIX": "Token", "TOKEN_TTL": None, "TOKEN_LIMIT_PER_USER": None}

# --- mail ----------------------------------------------------------------------------------------

ADMINS = [("ops", address) for address in env["ALERT_EMAILS"]]
if env["EMAIL_URL"]:
    _mail = dj_email_url.parse(env["EMAIL_URL"])
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 10
EMAIL_SUBJECT_PREFIX = "[Instagram Webhooks] "

# --- who may come in ------------------------------------------------------------------------------

SECOND_FACTOR: str = env["SECOND_FACTOR"]
OTP_TOTP_ISSUER = "Instagram Webhooks"
AXES_FAILURE_LIMIT = 10  # by name and address together: nobody locks a colleague out from elsewhere
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "instagram_webhooks.desk.people.log_ins.known_as"
AXES_LOCKOUT_CALLABLE = "instagram_webhooks.desk.people.log_ins.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_ENABLE_ADMIN = AXES_VERBOSE = False

# --- what pages may load and run ------------------------------------------------------------------

_ours = {name: [SELF] for name in ("script-src", "style-src", "font-src", "connect-src", "form-action")}
_nobodys = {name: [NONE] for name in ("default-src", "base-uri", "frame-ancestors", "object-src")}
# Django's own stylesheets hold small pictures.
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**_nobodys, **_ours, "img-src": [SELF, "data:"]}}

# --- transport security --------------------------------------------------------------------------


def _in_meta(header: str) -> str:
    """As WSGI names it; "" for none."""
    return header and "HTTP_" + header.upper().replace("-", "_")


SECURE_SSL_REDIRECT = not DEBUG
# Meta and load balancers speak to these as they are told to; a redirect would lose a webhook.
SECURE_REDIRECT_EXEMPT = [r"^webhooks/", r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
PROXY_ADDRESS_HEADER: str = _in_meta(env["PROXY_ADDRESS_HEADER"])
if env["PROXY_SSL_HEADER"]:
    SECURE_PROXY_SSL_HEADER = (_in_meta(env["PROXY_SSL_HEADER"]), "https")
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: they are not this service's to decide
    "security.W021",  # HSTS preload: likewise
]
