"""After the story: the service stays, with a little traffic, and what is killed comes back."""

import shlex
import time
from typing import NoReturn

from webhooks_project.demo import signals, trouble
from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.house import Home
from webhooks_project.demo.opening import ENV_FILE
from webhooks_project.demo.processes import CHECKOUT, Child
from webhooks_project.demo.variables import LOGIN
from webhooks_project.demo.words import heading, say, say_as_it_is
from webhooks_project.embedded.server import Server

EVERY_S = 0.5
AWAY_S = 15.0  # so long a killed server stays away: time to see what then happens
ENDS_IN_A_ROW, ROW_S = 3, 10.0
# A webhook every four seconds, of seven customers who mostly write.
TRICKLE = ("--rate", "0.25", "--count", "100000", "--people", "7",
           "--kinds", "message,message,reaction,message,read,quick_reply")  # fmt: skip


def until_told(home: Home) -> NoReturn:
    """Never returns: a signal ends it."""
    trickle = Child(
        "trickle",
        ["simulator", "send", *home.stage.meta.to, *TRICKLE],
        folder=home.folder,
        environ=home.environ,
    )
    home.children.add(trickle)
    trickle.start()
    heading("It stays, with a message now and then, until Ctrl-C.")
    trouble.left_to_replay(home.stage)
    _tell_what_to_try(home)
    ends = dict.fromkeys([child.name for child in home.children], 0)
    servers = [server for server in (home.services.postgres, home.services.redis) if server]
    gone_at: dict[str, float] = {}
    while True:
        signals.check()
        for child in home.children:
            if not child.is_alive:
                ends[child.name] += 1
                _start_again(child, ends[child.name])
        for server in servers:
            _bring_back(server, gone_at)
        time.sleep(EVERY_S)


def _start_again(child: Child, count: int) -> None:
    how = child.end_in_words()
    if count > 50:
        raise NotSeen(f"The {child.name} process ended again and again: {how}.", process=child.name)
    say(f"{time.strftime('%H:%M:%S')} {child.name} ended ({how}) and is started again.")
    child.stop()
    child.start()


def _bring_back(server: Server, gone_at: dict[str, float]) -> None:
    if server.pid is not None:
        gone_at.pop(server.name, None)
    elif server.name not in gone_at:
        gone_at[server.name] = time.monotonic()
        say(f"{time.strftime('%H:%M:%S')} {server.title} is gone; it comes back in {AWAY_S:g} s.")
    elif time.monotonic() - gone_at[server.name] > AWAY_S:
        server.start()
        say(f"{time.strftime('%H:%M:%S')} {server.title} is back.")


def _tell_what_to_try(home: Home) -> None:
    messages = home.stage.accepted[0].messages
    for title, what in (
        ("Admin", f"{home.places.web_url}/admin/   login {LOGIN}, password {home.password}"),
        ("Meta's side", f"{home.places.graph_url}/_simulator/"),
        ("Logs", f"{home.folder}/*.log"),
    ):
        say_as_it_is(f"  {title:<12} {what}")
    heading("Try next, in another terminal:")
    env_file, worker = (
        shlex.quote(str(home.folder / ENV_FILE)),
        shlex.quote(str(home.children["worker"].pid_file)),
    )
    for command, what in (
        (f"cd {shlex.quote(str(CHECKOUT))}", ""),
        (f"set -a; . {env_file}; set +a", "the settings of this run"),
        (f".venv/bin/python manage.py trace {messages[0].id}", "the whole life of a message"),
        (".venv/bin/python manage.py send_sample_webhook instagram/message__text", "one more webhook"),
        (
            ".venv/bin/python manage.py send_sample_webhook facebook/message__text whatsapp/message__text",
            "Messenger and WhatsApp come through the same door",
        ),
        ('curl -H "Authorization: Token $API_TOKEN" $DEMO_URL/api/v1/dead-letters/', "the REST API"),
        (f'kill -9 "$(cat {worker})"', "the worker; it comes back, nothing is lost"),
        *_of_the_broker(home),
    ):
        if what:
            say_as_it_is(f"  # {what}")
        say_as_it_is(f"  {command}")
    say_as_it_is("")


def _of_the_broker(home: Home) -> list[tuple[str, str]]:
    if home.services.redis is None:
        return []
    pid_file = shlex.quote(str(home.services.redis.pid_file))
    return [(f'kill -9 "$(cat {pid_file})"', f"the broker, for {AWAY_S:g} s; webhooks are still answered 200")]
