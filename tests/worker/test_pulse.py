"""The heartbeat of a worker process."""

from instagram_webhooks.worker import pulse
from tests.processes.process import until


def test_whatever_fails_under_it_once_the_pulse_goes_on(monkeypatch):
    """A worker whose pulse stops is taken for dead, while it works."""
    stamped, errors = [], [MemoryError()]

    def stamp(pool):
        if errors:
            raise errors.pop()
        stamped.append(pool)

    monkeypatch.setattr(pulse, "stamp", stamp)
    monkeypatch.setattr(pulse, "EVERY_S", 0.01)
    monkeypatch.setattr(pulse.life, "beat", lambda **_: None)
    mine = pulse.Pulse(pool="threads")
    mine.start()
    until(lambda: stamped, "it goes on")
    mine._stopped.set()
    mine._thread.join(5)

    assert set(stamped) == {"threads"}
