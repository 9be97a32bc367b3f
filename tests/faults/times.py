"""The times of a run: scaled down so that minutes show what takes hours, or those that are shipped."""

from webhooks_project import environment

SCALED = {
    "WEBHOOK_LEASE_S": "5",
    "GRAPH_DEADLINE_S": "2",
    "REPLY_POLICY_BUDGET_S": "2",
    "REPLY_SETTLE_S": "1",
    "WEBHOOK_RETRY_DELAYS_S": "1,2,3",
    "WEBHOOK_DISPATCH_GATE_S": "2",
    "WEBHOOK_SWEEP_INTERVAL_S": "0.5",
    "WORKER_SILENT_S": "2",
}
SHIPPED = {}


def seconds(times, name):
    """How long the setting `name` is under these times."""
    defaults = {setting.name: setting.default for setting in environment.SETTINGS}
    return float(times.get(name, defaults[name]))


def in_words(times):
    """One line that names each of them, the shipped ones too."""
    defaults = {setting.name: setting.default for setting in environment.SETTINGS}
    return ", ".join(f"{name}={times.get(name, defaults[name])}" for name in SCALED)
