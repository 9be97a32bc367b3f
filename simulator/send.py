"""`python -m simulator send`: signed webhooks to an address, and what came back."""

import argparse
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from simulator.client import Answer, NotDelivered, Sender
from simulator.deliveries import Delivery, deliveries
from simulator.invented import ACCOUNTS, Cast
from simulator.kinds import kinds_of
from simulator.meta_wire import headers, wire
from simulator.plan import FORGERIES, Plan

MAX_CLIENTS = 64

EXAMPLES = f"""
examples (the URL is where your service takes webhooks):
  python -m simulator send --url http://127.0.0.1:8000/webhooks/instagram --secret app-secret
        one invented message
  … --count 1000 --batch 50 --people 100 --duplicates 0.2 --shuffle --seed 7
        a thousand events of a hundred people in bodies of 50, a fifth of them twice, in disorder
  … --kinds all --count 11          one of each kind: {", ".join(kinds_of("instagram"))}
  … --forge                         wrongly signed, to be refused (also --forge changed-byte, …)
  … --count 500 --rate 50 --clients 8
        fifty bodies a second over eight connections
  … --file body.json                a body of your own, in Meta's wire form and signed
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "send",
        help="send signed webhooks as Meta does",
        description="Sends signed webhooks as Meta does, counts the answers. Exit code 1: one got none.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser)
    parser.set_defaults(run=run)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--url", required=True)
    add("--secret", required=True, help="the app secret that signs")
    add("--provider", default="instagram", choices=list(ACCOUNTS))
    add("--account", default="", metavar="ID", help="the business account; else an invented one")
    add("--kinds", default="message", help="comma separated, or all (default: %(default)s)")
    add("--count", type=int, default=1, metavar="N", help="events, up to 100,000")
    add("--batch", type=int, default=1, metavar="N", help="events in one body, up to 1000")
    add("--people", type=int, default=1, metavar="N", help="customers who take turns")
    add("--person", default="", metavar="ID", help="one customer of this id")
    add("--text", default="", help="instead of invented texts")
    add(
        "--duplicates",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the bodies, delivered twice: 0 to 1",
    )
    add("--shuffle", action="store_true", help="in disorder")
    add("--forge", nargs="?", const="wrong-secret", choices=FORGERIES, help="signed wrongly, in this way")
    add(
        "--rate",
        type=float,
        default=0.0,
        metavar="R",
        help="bodies a second; 0, the default, as fast as it goes",
    )
    add("--clients", type=int, default=1, metavar="N", help=f"connections at once, up to {MAX_CLIENTS}")
    add("--seed", type=int, help="the same seed gives the same ids and texts")
    add("--file", type=Path, metavar="PATH", help="send this JSON body instead")
    add("--graph", default="", metavar="URL", help="a `graph` process that shall list these messages too")
    add("--json", action="store_true", help="one line per delivery: what, status, seconds, correlation, ids")


def run(options: argparse.Namespace) -> int:
    """Send it all; 0 when every delivery was answered. ValueError with a sentence for senseless options."""
    if not 1 <= options.clients <= MAX_CLIENTS or options.rate < 0:
        raise ValueError(f"--clients lies between 1 and {MAX_CLIENTS}, --rate is not below 0.")
    cast = Cast(options.seed)
    planned = _from_file(options) if options.file else deliveries(_plan(options), options.secret, cast=cast)
    outcome = Outcome(as_lines=options.json)
    _send_all(planned, options, outcome)
    if not options.json:
        print(f"{outcome.in_words()} Seed {cast.seed}.")
    return 1 if outcome.statuses[0] else 0


class Outcome:
    """Counts the answers; safe for several threads. status 0: no answer came."""

    def __init__(self, *, as_lines: bool) -> None:
        self._as_lines = as_lines
        self._lock = threading.Lock()
        self._seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def add(self, delivery: Delivery, answer: Answer | None) -> None:
        """Count one; ids are invented and may be shown, texts are not."""
        line = {
            "what": delivery.what,
            "status": answer.status if answer else 0,
            "seconds": round(answer.seconds, 4) if answer else None,
            "correlation": answer.headers.get("x-correlation-id", "") if answer else "",
            "events": [{"kind": one.kind, "id": one.id, "person": one.person} for one in delivery.events],
        }
        with self._lock:
            self.statuses[answer.status if answer else 0] += 1
            if answer:
                self._seconds.append(answer.seconds)
            if self._as_lines:
                print(json.dumps(line), flush=True)

    def in_words(self) -> str:
        """One sentence with what came back and how fast."""
        answers = [f"{count} × {status or 'no answer'}" for status, count in sorted(self.statuses.items())]
        times = sorted(self._seconds)
        if not times:
            return f"Sent {self.statuses.total()}: {', '.join(answers) or 'nothing'}."
        half, most = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
        return (
            f"Sent {self.statuses.total()}: {', '.join(answers)}; half of them answered within {half:.0f} ms,"
            f" 99 of 100 within {most:.0f} ms."
        )


def _send_all(planned: Iterator[Delivery], options: argparse.Namespace, outcome: Outcome) -> None:
    lock, turns, started = threading.Lock(), itertools.count(), time.monotonic()

    def next_one() -> Delivery | None:
        with lock:
            turn, delivery = next(turns), next(planned, None)
        if delivery is not None and options.rate:
            time.sleep(max(0.0, started + turn / options.rate - time.monotonic()))
        return delivery

    def client() -> None:
        with Sender(options.url, options.secret) as sender:
            while (delivery := next_one()) is not None:
                outcome.add(delivery, _sent(delivery, sender, options.graph))

    Sender(options.url, options.secret).close()  # a senseless address is said once, before any thread starts
    threads = [threading.Thread(target=client, daemon=True) for _ in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sent(delivery: Delivery, sender: Sender, graph: str) -> Answer | None:
    try:
        if graph and delivery.what == "new":
            with Sender(f"{graph.rstrip('/')}/_simulator/heard", "") as teller:
                teller.post(delivery.body)
        return sender.post_raw(delivery.raw, delivery.headers)
    except NotDelivered as failure:
        print(f"No answer: {failure}", file=sys.stderr)
        return None


def _plan(options: argparse.Namespace) -> Plan:
    named = kinds_of(options.provider) if options.kinds == "all" else tuple(options.kinds.split(","))
    return Plan(
        provider=options.provider,
        account=options.account,
        kinds=named,
        count=options.count,
        batch=options.batch,
        people=options.people,
        duplicates=options.duplicates,
        shuffle=options.shuffle,
        forge=options.forge,
        person=options.person,
        text=options.text,
    )


def _from_file(options: argparse.Namespace) -> Iterator[Delivery]:
    try:
        body = json.loads(options.file.read_bytes())
    except (OSError, ValueError) as wrong:
        raise ValueError(f"The file cannot be read as JSON ({type(wrong).__name__}).") from wrong
    raw = wire(body)
    return iter([Delivery(what="new", events=(), body=body, raw=raw, headers=headers(raw, options.secret))])
