"""Where each unit stood, and from when to when: pure, learnt from the days of its counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Stint(NamedTuple):
    """A unit's time at a site, from its first day with counts to its last (their first minutes)."""

    unit_id: int
    since: int
    site_id: int
    until: int


def settle(stints: Iterable[Stint], unit_id: int, site_id: int, day: int) -> list[Stint]:
    """Returns the stints of a unit after a day with counts for a site, in order.

    A day joins the stint before it, or else the one after it, if that is of the same site;
    what lies between them was a gap of the unit there. Days may come in any order.
    """
    known = sorted(stints, key=lambda stint: stint.since)
    if any(one.site_id == site_id and one.since <= day <= one.until for one in known):
        return known
    earlier = [place for place, one in enumerate(known) if one.since <= day]
    later = len(earlier)
    if earlier and known[earlier[-1]].site_id == site_id:
        known[earlier[-1]] = known[earlier[-1]]._replace(until=day)
    elif later < len(known) and known[later].site_id == site_id:
        known[later] = known[later]._replace(since=day)
    else:
        known.insert(later, Stint(unit_id, day, site_id, day))
    return known
