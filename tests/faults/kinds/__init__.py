"""The kinds of faults, one file for each thing that can break."""

from tests.faults.kinds import broker, crashes, database, graph, network, processes  # noqa: F401 - they register
from tests.faults.kinds.registry import KINDS

__all__ = ["KINDS"]
