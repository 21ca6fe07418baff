"""What the tests of faults have in common: a comparison with the truth, kept for the table.

scripts/reliability-report writes docs/reliability.md from what is recorded here.
"""

from __future__ import annotations

from collections.abc import Iterable

from maskcam.records import MinuteCount


class Report:
    """Compares what city hall stored with the truth, and keeps the result."""

    def __init__(self, record_property) -> None:
        self._record = record_property

    def compare(
        self,
        fault: str,
        city,
        *,
        closed: Iterable[MinuteCount],
        attempted: Iterable[MinuteCount] = (),
        detail: str = "",
    ) -> None:
        """Fails unless each closed window is stored, once and right, and none was made up.

        closed: windows that the outbox had accepted.
        attempted: windows that were handed over but perhaps not accepted.
        """
        must = {(count.kind, count.run, count.start): count for count in closed}
        truth = {(count.kind, count.run, count.start): count for count in attempted} | must
        stored = {(count.kind, count.run, count.start): count for count in city.stored.values()}
        lost, invented = must.keys() - stored.keys(), stored.keys() - truth.keys()
        wrong = [start for start in stored.keys() & truth.keys() if stored[start] != truth[start]]
        results = {
            "closed": len(must),
            "lost": len(lost),
            "invented": len(invented) + len(wrong),
            "twice": len(city.received) - len(stored),
        }
        self._keep(fault, results, detail)
        assert not lost, results
        assert not invented, results
        assert not wrong, results
        assert _people(stored[start] for start in must) == _people(must.values())

    def outbox(
        self, fault: str, *, closed: int, lost: int, invented: int, twice: int, detail: str
    ) -> None:
        """Keeps the result of a fault of the outbox's file; `lost`: without being reported."""
        results = {"closed": closed, "lost": lost, "invented": invented, "twice": twice}
        self._keep(fault, results, detail)
        assert lost == invented == twice == 0, results

    def no_window(self, fault: str, *, detail: str) -> None:
        """Keeps the result of a fault before anything was counted."""
        self._keep(fault, {"closed": 0, "lost": 0, "invented": 0, "twice": 0}, detail)

    def _keep(self, fault: str, results: dict[str, int], detail: str) -> None:
        for name, value in {"fault": fault, **results, "detail": detail}.items():
            self._record(name, value)


def _people(counts: Iterable[MinuteCount]) -> int:
    return sum(count.people or 0 for count in counts)
