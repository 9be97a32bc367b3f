"""`python -m simulator graph`: the Graph API as a process of its own, until it is told to stop."""

import argparse
import os
import signal
import threading
from pathlib import Path

from simulator.graph import GraphSimulator
from simulator.script import __doc__ as step_words
from simulator.script import step
from simulator.world import KEPT_CALLS

EXAMPLES = """
examples:
  python -m simulator graph --port 9200
        answers whoever asks; see http://127.0.0.1:9200/_simulator/ for what it can do
  python -m simulator graph --account 17841400555000111=some-token --port-file graph.port
        checks tokens, takes a free port and writes it down
  python -m simulator graph --port 9200 --target http://127.0.0.1:8000/webhooks/instagram --secret app-secret
        posts an echo, signed, for every message that it took
  python -m simulator graph --port 9200 --script "http:500:2*3" --script ok
        fails three times, then takes what it is sent

"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "graph",
        help="answer as the Graph API",
        description="Answers as Meta's Graph API on 127.0.0.1 and remembers every call.",
        epilog=EXAMPLES + (step_words or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0, the default, takes a free one")
    add("--port-file", type=Path, metavar="PATH", help="write the port there once it listens")
    add(
        "--account",
        action="append",
        default=[],
        metavar="ID=TOKEN",
        help="repeatable; none: no token is checked",
    )
    add("--target", default="", metavar="URL", help="where echoes are posted; needs --secret")
    add("--secret", default="", help="the app secret that signs the echoes")
    add("--provider", default="instagram", help="whose webhooks the echoes are: instagram or facebook")
    add("--echo-delay", type=float, default=0.0, metavar="S", help="after the answer; below 0: before it")
    add(
        "--script",
        action="append",
        default=[],
        metavar="STEP",
        help="what the next sends get; repeatable, see below",
    )
    add("--latency", type=float, default=0.0, metavar="S", help="added to every answer")
    add("--lag", type=float, default=0.0, metavar="S", help="so long a message is missing in the listing")
    add("--keep", type=int, default=KEPT_CALLS, metavar="N", help="calls to remember (default %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0. ValueError with a sentence for options that make no sense."""
    accounts = dict(_account(written) for written in options.account)
    if bool(options.target) != bool(options.secret):
        raise ValueError("--target and --secret belong together.")
    if options.keep < 1:
        raise ValueError("--keep must be at least 1.")
    steps = [step(written) for written in options.script]
    simulator, stop = GraphSimulator(accounts, port=options.port, keep=options.keep), threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    with simulator as graph:
        graph.settings(latency_s=options.latency, lag_s=options.lag, echo=_echo(options))
        graph.script_all(steps)
        if options.port_file:
            _write_down(options.port_file, graph.port)
        print(f"The Graph API listens on {graph.url}; an overview is at {graph.url}/_simulator/", flush=True)
        stop.wait()
    return 0


def _echo(options: argparse.Namespace) -> dict[str, object] | None:
    if not options.target:
        return None
    return {
        "url": options.target,
        "secret": options.secret,
        "delay_s": options.echo_delay,
        "provider": options.provider,
    }


def _account(written: str) -> tuple[str, str]:
    id_, sign, token = written.partition("=")
    if not (id_ and sign and token):
        raise ValueError("--account is written ID=TOKEN.")
    return id_, token


def _write_down(path: Path, port: int) -> None:
    """The file appears whole or not at all, since others wait for it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(f"{port}\n")
    draft.replace(path)
