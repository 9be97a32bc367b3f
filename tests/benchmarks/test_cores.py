"""Where the processes of a benchmark run."""

import os
import subprocess
import sys

import pytest

from benchmarks import cpu
from benchmarks.installation import Cores

COUNT = len(cpu.EVERY)


def test_apart_all_applications_share_one_core_and_all_else_has_another():
    assert {frozenset(Cores.APART.of_application(number)) for number in range(3)} == {frozenset({cpu.APPLICATION})}
    assert (cpu.APPLICATION in Cores.APART.of_all_else) == (COUNT == 1)


def test_each_its_own_core_by_turns():
    kept_to = [core for number in range(COUNT) for core in Cores.OWN.of_application(number)]

    assert sorted(kept_to) == cpu.EVERY
    assert Cores.OWN.of_application(COUNT) == Cores.OWN.of_application(0)
    assert set(Cores.OWN.of_all_else) == set(cpu.EVERY)


def test_all_cores_for_all():
    assert set(Cores.ALL.of_application(1)) == set(Cores.ALL.of_all_else) == set(cpu.EVERY)


@pytest.mark.parametrize("cores", [{cpu.APPLICATION}, {cpu.ALL_ELSE}, set(cpu.EVERY)])
def test_a_process_is_kept_to_its_cores(cores):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        cpu.pin(process.pid, *cores)

        assert os.sched_getaffinity(process.pid) == cores
    finally:
        process.communicate()


def test_of_a_machine_only_those_cores_that_may_be_used():
    program = f"import os; os.sched_setaffinity(0, {{{cpu.ALL_ELSE}}}); from benchmarks import cpu; print(cpu.EVERY)"

    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == str([cpu.ALL_ELSE])
