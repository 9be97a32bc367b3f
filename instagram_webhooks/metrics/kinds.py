"""The kinds of metrics. Each knows all that it may ever say, so a file of counts has one size and no surprise."""

import itertools
from typing import Any, ClassVar

OTHER = "other"
Values = tuple[str, ...]


class Metric:
    """A name, its meaning, and the values of its labels. `series`: every combination of them."""

    kind: ClassVar[str]

    def __init__(self, name: str, meaning: str, **labels: Values) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self.series: tuple[Values, ...] = tuple(itertools.product(*labels.values()))


class Gauge(Metric):
    """How something stands when it is asked; nothing is kept of it."""

    kind = "gauge"


class Counter(Metric):
    """What only rises, and starts at 0: a series that is not there before its first count hides that one."""

    kind = "counter"

    def __init__(self, name: str, meaning: str, **labels: Values) -> None:
        super().__init__(name, meaning, **labels)
        self._children: dict[Values, Any] = {}  # none: nothing is counted

    def begin(self) -> None:
        """Counts from now on."""
        from prometheus_client import Counter as Counted

        whole = Counted(self.name, self.meaning, list(self.labels), registry=None)
        self._children = {values: whole.labels(*values) if values else whole for values in self.series}

    def end(self) -> None:
        """Counts no more."""
        self._children = {}

    def add(self, *values: str, by: int = 1) -> None:
        """Counts `by` more; never fails. What its label does not know is OTHER."""
        if not self._children or not by:
            return
        child = self._children.get(values) or self._children.get(self._known(values))
        if child is not None:
            child.inc(by)

    def _known(self, values: Values) -> Values:
        allowed = zip(values, self.labels.values(), strict=False)
        return tuple(value if value in known else OTHER for value, known in allowed)


class Histogram(Metric):
    """How long something took, counted by bounds in seconds."""

    kind = "histogram"

    def __init__(self, name: str, meaning: str, *, buckets: tuple[float, ...]) -> None:
        super().__init__(name, meaning)
        self.buckets = buckets
        self._whole: Any = None

    def begin(self) -> None:
        """Counts from now on."""
        from prometheus_client import Histogram as Counted

        self._whole = Counted(self.name, self.meaning, buckets=self.buckets, registry=None)

    def end(self) -> None:
        """Counts no more."""
        self._whole = None

    def observe(self, seconds: float) -> None:
        """Counts one that took so long; never fails. Less than nothing, where two clocks differ, is nothing."""
        if self._whole is not None:
            self._whole.observe(max(0.0, seconds))
