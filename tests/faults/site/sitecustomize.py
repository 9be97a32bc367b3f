"""Imported by Python at the start of each process of a fault run, because its PYTHONPATH names this folder."""

from tests.faults import launch

launch.install()
