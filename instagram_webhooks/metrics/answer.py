"""What a scraper gets, and whether it may."""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from instagram_webhooks.metrics import files
from instagram_webhooks.metrics.kinds import Gauge, Values

if TYPE_CHECKING:
    from prometheus_client import Metric

CHALLENGE = 'Bearer realm="metrics"'
Readings = Mapping[Gauge, Mapping[Values, float]]


def is_allowed(authorization: str, token: str) -> bool:
    """Whether this header brings the token, as `Bearer …`; in a time that tells nothing of it."""
    scheme, _, given = authorization.partition(" ")
    is_same = hmac.compare_digest(given.strip().encode("utf-8", "surrogatepass"), token.encode())
    return is_same and scheme.lower() == "bearer"


def text(readings: Readings, *, accept: str) -> tuple[bytes, str]:
    """All that was counted in the folder of this process, and these readings; with the type of the content."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    return encode(_Scrape(readings)), content_type


class _Scrape:
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable["Metric"]:
        from prometheus_client.multiprocess import MultiProcessCollector

        yield from MultiProcessCollector.merge(files.here())  # type: ignore[no-untyped-call]
        yield from self._gauges()

    def _gauges(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        for gauge, numbers in self._readings.items():
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=list(gauge.labels))
            for values, number in numbers.items():
                family.add_metric(values, number)
            yield family
