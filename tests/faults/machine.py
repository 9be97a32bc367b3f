"""What a run ran on."""

import os
import platform
from pathlib import Path


def facts(house):
    """Cores, processor and versions."""
    (server,) = house.rows("SHOW server_version")
    with house.broker() as broker:
        redis = broker.info("server")["redis_version"]
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "PostgreSQL": server["server_version"].split()[0],
        "Redis": redis,
    }


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
