"""The settings of the demo, as environment variables for the processes that it starts."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from webhooks_project import environment

# The accounts of all samples, so that `send_sample_webhook` is answered too; those of other providers by provider.
ACCOUNT = "17840000000000001"
OTHERS = {"facebook": "100000000000001", "whatsapp": "100000000000019"}
TOKEN = APP_SECRET = "development-only"  # noqa: S105 - no secret: it opens a stand-in
LOGIN = "demo"
KEPT = ("LOG_LEVEL", "WORKER_POOL")  # of the caller's settings: what the story does not rest on
LADDER_S = (1.0, 2.0, 4.0)
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything is. secret_key: Django's, so that nobody else on this machine makes sessions."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    web_port: int
    graph_port: int
    secret_key: str = field(repr=False)

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def graph_url(self) -> str:
        return f"http://127.0.0.1:{self.graph_port}"


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without a setting of ours in it: what the caller has set is for another service."""
    ours = {setting.name for setting in environment.SETTINGS} - set(KEPT)
    ours |= {f"{name}_FILE" for name in ours} | environment.misspelt(environ).keys()
    kept = {name: value for name, value in environ.items() if name not in ours}
    # Everything speaks to this machine alone; a proxy could not reach it.
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1"}


def settings_of(places: Places) -> dict[str, str]:
    """The settings of web, worker, beat and of commands that a person tries.

    The times are short, so that minutes of waiting pass in seconds; the rest is as it ships.
    """
    return {
        "DJANGO_SETTINGS_MODULE": "webhooks_project.settings",
        "DJANGO_DEBUG": "true",
        "DJANGO_SECRET_KEY": places.secret_key,
        "DATABASE_URL": places.database_url,
        "REDIS_URL": places.redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(places.web_port),
        "GRAPH_API_URL": places.graph_url,
        "INSTAGRAM_APP_SECRETS": APP_SECRET,
        "INSTAGRAM_ACCOUNT_ID": ACCOUNT,
        "INSTAGRAM_ACCESS_TOKEN": TOKEN,
        "ACK_COOLDOWN_S": "0",
        "WEBHOOK_RETRY_DELAYS_S": ",".join(f"{delay_s:g}" for delay_s in LADDER_S),
        "REPLY_SETTLE_S": f"{SETTLE_S:g}",
        "GRAPH_DEADLINE_S": "5",
        "WEBHOOK_SWEEP_INTERVAL_S": "1",
    }


def as_file(variables: Mapping[str, str]) -> str:
    """The variables as a shell reads them: `set -a; . demo.env; set +a`."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
