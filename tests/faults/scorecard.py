"""The card of a run: what it promised and kept, how fast, and on what; as JSON and as Markdown."""

import json
from collections import Counter
from pathlib import Path

from tests.faults import machine, recovered, times
from tests.faults.checker import LISTS

METHOD = (
    "Real web processes, workers, PostgreSQL and Redis, with a TCP proxy before each, and a stand-in for Meta;"
    " a generator posts numbered messages with 10 % duplicates, each POST again until it is answered 2xx."
    " Faults are injected from the seed; then all is healed, the run comes to rest, what died is replayed."
    " A checker compares what was posted, what customers got, the database and its audit log."
)
SIZE = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_bytes,
       (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables) AS dead_tuples
"""
IN_WORDS = {
    "lost": "lost",
    "doubled": "doubled",
    "disordered": "out of order",
    "stuck": "stuck",
    "illegal": "illegal steps",
    "fence": "broken fences",
    "unasked": "rows or replies that nobody asked for",
}


def snapshot(house):
    """What PostgreSQL has written and left behind by now: taken before and after a run."""
    return house.rows(SIZE)[0]


def facts(house, oracle, findings, *, seed, seconds, before, after, **more):
    """Everything that the card shows, as plain values. more: what only the caller knows (rate, kills, replays)."""
    events = max(findings.counts["accepted"], 1)
    healthy, faulty = recovered.acks(oracle)
    kinds = recovered.recoveries(house, oracle)
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "is_clean": findings.is_clean,
        "counts": findings.counts,
        "findings": findings.numbers(),
        "undecided": findings.undecided,
        "exempt": dict(findings.exempt),
        "ack_ms": {
            "healthy": recovered.quantiles(healthy),
            "under fault": recovered.quantiles(faulty),
            "no 2xx": recovered.quantiles(recovered.others(oracle)),
        },
        "answers": oracle.statuses,
        "faults": dict(Counter(kind for kind, _, _ in oracle.faults)),
        "recovery_ms": {
            kind: {name: recovered.quantiles(seconds) for name, seconds in found.items()}
            for kind, found in sorted(kinds.items())
        },
        "postgres_per_event": {
            "wal_bytes": round((after["wal_bytes"] - before["wal_bytes"]) / events),
            "dead_tuples": round(after["dead_tuples"] / events, 3),
        },
        "times": times.in_words(house.times),
        "machine": machine.facts(house),
        **more,
    }


def markdown(facts):
    """The card for people."""
    parts = [_promises(facts), _acks(facts), _faults(facts), _ground(facts)]
    return "\n\n".join(parts) + "\n"


def write(facts, folder):
    """Both forms into the folder; their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "scorecard.json", folder / "scorecard.md"
    paths[0].write_text(json.dumps(facts, indent=2, sort_keys=True, default=str) + "\n")
    paths[1].write_text(markdown(facts))
    return paths


def _promises(facts):
    counts, found = facts["counts"], facts["findings"]
    rows = [
        ("events accepted", _whole(counts["accepted"])),
        ("conversations", _whole(counts["conversations"])),
        ("replies that customers got", _whole(counts["replies"])),
        ("faults injected", _whole(counts["faults"])),
        *((f"**{IN_WORDS[name]}**", f"**{found[name]}**") for name in LISTS),
        ("undecided replies, Instagram", _share(facts["undecided"].get("instagram", 0), counts["replies"])),
        *((f"undecided replies, {provider}", _whole(count))
          for provider, count in sorted(facts["undecided"].items()) if provider != "instagram"),
        *((name, _whole(count)) for name, count in sorted(counts.items()) if name.startswith("open dead letters")),
        *((f"excused: {why}", _whole(count)) for why, count in sorted(facts["exempt"].items())),
    ]  # fmt: skip
    return _table(("what", "count"), rows)


def _acks(facts):
    rows = [(f"answers, {name}", *_cells(found)) for name, found in facts["ack_ms"].items()]
    return _table(("ms", "count", "p50", "p95", "p99", "max"), rows)


def _faults(facts):
    rows = []
    for kind in sorted(facts["faults"]):
        found = facts["recovery_ms"].get(kind, {})
        first, whole = found.get("first", {}), found.get("all", {})
        cells = [first.get("p50"), first.get("p99"), whole.get("p50"), whole.get("p99")]
        rows.append((kind, _whole(facts["faults"][kind]), *map(_number, cells)))
    head = ("fault", "times", "first done p50 ms", "p99", "backlog done p50 ms", "p99")
    words = (
        "*first done*: from the heal until an event was done that was accepted after it; *backlog done*:"
        " until all were that were accepted during the fault. Other faults may be on meanwhile."
    )
    return f"{_table(head, rows)}\n\n{words}"


def _ground(facts):
    each, on = facts["postgres_per_event"], facts["machine"]
    kills = ", ".join(f"{name} {count}" for name, count in sorted(facts.get("kills", {}).items()))
    lines = [
        f"Seed {facts['seed']}, {facts['seconds']:.0f} s. Times: {facts['times']}.",
        f"PostgreSQL, an event: {_whole(each['wal_bytes'])} bytes of WAL, {each['dead_tuples']} dead tuples left.",
        *([f"Ended processes: {kills}."] if kills else []),
        f"Machine: {', '.join(f'{name} {value}' for name, value in on.items())}.",
        f"Method: {METHOD}",
    ]
    return "\n\n".join(lines)


def _table(head, rows):
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(found):
    return [_whole(found["count"]), *(_number(found.get(name)) for name in ("p50", "p95", "p99", "max"))]


def _whole(count):
    return f"{count:,}"


def _number(value):
    return "–" if value is None else f"{value:,.1f}"


def _share(count, of):
    return f"{count} ({count / max(of, 1):.3%})"
