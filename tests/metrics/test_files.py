"""Places of processes: summed while they live and after, taken over by the next, bounded in number."""

import os
import signal

from instagram_webhooks import metrics
from instagram_webhooks.metrics import files

RECEIVED = (metrics.RECEIVED.name, "instagram")


def forked(act):
    """Does it in a fork, which is then killed."""
    if (pid := os.fork()) == 0:
        try:
            act()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_forks_count_at_places_of_their_own_and_all_are_summed(counted, tmp_path):
    metrics.RECEIVED.add("instagram", by=5)

    forked(lambda: metrics.RECEIVED.add("instagram", by=7))

    assert counted()[RECEIVED] == 12
    assert {path.name for path in tmp_path.glob("counter*")} == {"counter_0.db", "counter_1.db"}


def test_whoever_comes_after_a_dead_process_goes_on_with_its_counts_in_the_same_files(counted, tmp_path):
    for n in range(1, 6):
        forked(lambda: metrics.RECEIVED.add("instagram"))
        assert counted()[RECEIVED] == n

    assert len(list(tmp_path.glob("*.db"))) == 4


def test_processes_that_live_at_the_same_time_never_share_a_place(counted, tmp_path):
    def with_a_child():
        forked(lambda: metrics.RECEIVED.add("instagram", by=10))
        metrics.RECEIVED.add("instagram")

    forked(with_a_child)

    assert counted()[RECEIVED] == 11
    assert len(list(tmp_path.glob("counter*"))) == 3


def test_a_folder_that_takes_no_files_is_no_reason_to_fail(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "gone"))

    assert not files.begin()

    metrics.RECEIVED.add("instagram")
    assert [record.message for record in caplog.records] == ["metrics.off"]
    assert files.here() == []


def test_a_fork_for_which_there_is_no_room_counts_nothing(counted, tmp_path):
    metrics.RECEIVED.add("instagram")
    folder = tmp_path.with_name("elsewhere")

    def lost():
        metrics.RECEIVED.add("instagram", by=100)

    tmp_path.rename(folder)
    forked(lost)
    folder.rename(tmp_path)

    assert counted()[RECEIVED] == 1
