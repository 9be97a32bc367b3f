"""What a value must be like beyond its kind."""

CHOICES = {
    "REPLIES": ("on", "off", "shadow"),
    "WORKER_POOL": ("threads", "prefork"),
    "LOG_FORMAT": ("json", "console"),
    "LOG_LEVEL": ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
}
LEAST: dict[str, float] = {
    "WEBHOOK_MAX_ATTEMPTS": 1,
    "WEBHOOK_KEY_MEMORY_DAYS": 8,
    "WEBHOOK_QUEUE_LIMIT": 1,
    "WEB_CONCURRENCY": 1,
    "WORKER_CONCURRENCY": 1,
    "ACK_COOLDOWN_S": 0,
    "HUMAN_PAUSE_S": 0,
    "REPLY_SETTLE_S": 0,
    "GRAPH_DEADLINE_S": 0.1,
    "REPLY_POLICY_BUDGET_S": 0.1,
    "WEBHOOK_LEASE_S": 1,
    "WEBHOOK_SWEEP_INTERVAL_S": 0.1,
    "WEBHOOK_DISPATCH_GATE_S": 0.1,
    "WORKER_SILENT_S": 1,
    "ALERT_HEAD_AGE_S": 0,
}
