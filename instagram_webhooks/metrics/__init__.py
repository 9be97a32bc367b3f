"""
What is told to Prometheus: every name, what it means, and all values that its labels may have.

Processes count what they do (files.py says where); how the whole stands is asked of the database and the broker
when somebody looks (desk/gauges.py). Until `begin` was called counting does nothing, and prometheus_client is not
loaded. No label holds anything of a person or an account: its values are listed here, and any other counts as OTHER.

Count after the commit: what is rolled back and done again would be counted twice.
"""

from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.metrics.kinds import OTHER, Counter, Gauge, Histogram, Metric
from instagram_webhooks.states import OPEN

# What a call to Meta came to beside an error's code: a whole answer without an error, one with an error that names no
# code, no whole answer, no connection.
ANSWERED, NO_CODE, UNANSWERED, UNREACHABLE = "ok", "none", "unanswered", "unreachable"
# Those that replies/graph_errors.py decides by; a test holds the two together.
GRAPH_CODES = tuple(
    str(code)
    for code in (1, 2, 4, 10, 17, 32, 100, 102, 190, 341, 368, 613, *range(80000, 80015), 130429, 131048, 131056)
)

RECEIVED = Counter(
    "webhooks_received_total", "Events that came for the first time and were stored.", provider=PROVIDERS
)
DUPLICATES = Counter(
    "webhooks_duplicates_total", "Events that were known already and changed nothing.", provider=PROVIDERS
)
REFUSED = Counter(
    "webhooks_refused_total",
    "Requests to the door that stored nothing; store_unavailable was answered 503, and Meta delivers again.",
    cause=(
        "unknown_provider", "method_not_allowed", "signature_mismatch", "handshake_refused", "body_too_large",
        "store_unavailable", OTHER,
    ),
)  # fmt: skip
ACK = Histogram(
    "webhooks_ack_seconds",
    "From the first look at a webhook to its answer 200, the commit included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
WAKE_UPS_DROPPED = Counter(
    "webhooks_wake_ups_dropped_total",
    "Wake-ups that were not sent, as too many wait in memory (is the broker away?) or in the queue; the sweep finds"
    " their events.",
    cause=("memory_full", "queue_full"),
)
PROCESSED = Histogram(
    "webhooks_accepted_to_processed_seconds",
    "From an event's arrival, or its replay, to its end as processed, by the clock of the worker.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 21600),
)
GRAPH_CALLS = Counter(
    "webhooks_graph_calls_total",
    "Calls to Meta by the code of the error they were answered with.",
    provider=PROVIDERS,
    code=(ANSWERED, NO_CODE, UNANSWERED, UNREACHABLE, *GRAPH_CODES, OTHER),
)
REPLIES = Counter(
    "webhooks_replies_total",
    "What a try to answer came to: sent; refused for good; postponed, nothing left; unknown, it may have left; found"
    " by a look-up to have left; withheld on purpose.",
    provider=PROVIDERS,
    outcome=("sent", "refused", "postponed", "unknown", "found", "withheld"),
)

DEAD_LETTERS_OPEN = Gauge("webhooks_dead_letters_open", "Dead letters that wait for a person, counted up to 10001.")
CAUSES_OPEN = Gauge(
    "webhooks_causes_open", "Causes with open dead letters that nobody resolved or ignored, counted up to 201."
)
OLDEST_AGE = Gauge(
    "webhooks_oldest_age_seconds",
    "Since the oldest event in this state came, or was replayed; 0: there is none.",
    state=tuple(str(state) for state in OPEN),
)
WAKE_UPS_READY = Gauge("webhooks_wake_ups_ready", "Wake-ups in the queue that no worker has taken yet.")
SWEEP_AGE = Gauge("webhooks_sweep_age_seconds", "Since the last sweep ended; unknown before the first.")
WORKERS_ALIVE = Gauge("webhooks_workers_alive", "Worker processes with a heartbeat, counted up to 1001.")

STANDING = (DEAD_LETTERS_OPEN, CAUSES_OPEN, OLDEST_AGE, WAKE_UPS_READY, SWEEP_AGE, WORKERS_ALIVE)
UNKNOWN = Gauge(
    "webhooks_unknown",
    "1: this could not be asked in time, so it, or a part of it, is left out here.",
    metric=tuple(each.name for each in STANDING),
)

OF_DOOR = (RECEIVED, DUPLICATES, REFUSED, ACK)
OF_WORKER = (PROCESSED, GRAPH_CALLS, REPLIES)
COUNTED: tuple[Counter | Histogram, ...] = (*OF_DOOR, WAKE_UPS_DROPPED, *OF_WORKER)
ALL: tuple[Metric, ...] = (*COUNTED, *STANDING, UNKNOWN)
