"""Export the database totals in Prometheus text format."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, core
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from digest.store.totals import Totals

CONTENT_TYPE = CONTENT_TYPE_LATEST
GAUGES = (
    ("deliveries", "Digests due on this UTC day.", "platform state"),
    ("messages", "Messages of the digests due on this UTC day.", "platform state"),
    ("messages_held", "Messages that wait for an operator's word.", "platform"),
    ("source_answers", "What sources answered on this UTC day.", "topic kind outcome"),
    ("source_posts", "Posts that sources gave on this UTC day.", "topic kind"),
    ("builds", "Reports by the state of their build.", "state"),
    ("build_seconds", "Seconds that the newest build took.", "topic"),
    ("report_statements_refused", "Refused statements of the newest report.", "topic"),
)
"""Metric name (a key of `Totals.counts`), description, labels."""


def write_metrics(totals: Totals, now: datetime, platforms: Mapping[str, bool]) -> bytes:
    """Return the current metrics. `platforms`: those of this process, and if each is connected."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(TotalsCollector(totals, now, platforms))
    return generate_latest(registry)


class TotalsCollector(Collector):
    """Exports the totals as metrics."""

    def __init__(self, totals: Totals, now: datetime, platforms: Mapping[str, bool]) -> None:
        self._totals, self._now, self._platforms = totals, now, platforms

    def collect(self) -> Iterator[core.Metric]:
        for name, about, labels in GAUGES:
            yield _gauge(name, about, labels.split(), self._totals.counts[name])
        yield from self._model()
        yield from self._delays()
        for name, about, moments in (
            ("report_age_seconds", "Age of the newest report.", self._totals.reported_at),
            ("collection_age_seconds", "Since a source answered.", self._totals.collected_at),
        ):
            ages = {(topic,): (self._now - at).total_seconds() for topic, at in moments.items()}
            yield _gauge(name, about, ("topic",), ages)
        up = {(name,): float(talks) for name, talks in self._platforms.items()}
        yield _gauge("platform_up", "1 if this process talks there.", ("platform",), up)

    def _model(self) -> Iterator[core.Metric]:
        about = {"calls": "Calls of models.", "usd": "Dollars that models cost."}
        for unit in ("calls", "prompt_tokens", "answer_tokens", "usd"):
            text = about.get(unit, f"{unit.replace('_', ' ').capitalize()} of models.")
            counter = core.CounterMetricFamily(f"jianbao_model_{unit}", text, labels=("model",))
            for (model, kind), value in self._totals.model.items():
                if kind == unit:
                    counter.add_metric((model,), value)
            yield counter

    def _delays(self) -> Iterator[core.Metric]:
        name, labels = "digest_delay_seconds", ("platform",)
        about = "From due to sent, of digests delivered on this UTC day"
        delays = core.SummaryMetricFamily(f"jianbao_{name}", f"{about}.", labels=labels)
        most = {}
        for platform, (count, seconds, longest) in self._totals.delays.items():
            delays.add_metric((platform,), count, seconds)
            most[platform,] = float(longest)
        yield delays
        yield _gauge(f"{name}_max", f"{about}: the longest.", labels, most)


def _gauge(
    name: str, about: str, labels: Sequence[str], values: Mapping[Any, float]
) -> core.GaugeMetricFamily:
    gauge = core.GaugeMetricFamily(f"jianbao_{name}", about, labels=labels)
    for key, value in values.items():
        gauge.add_metric(key, value)
    return gauge
