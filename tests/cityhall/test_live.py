"""Open pages hear of changes, those of one site only of its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.live import Live
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)
CHANGE = "event: change\ndata: \n\n"


def test_a_page_of_one_site_hears_of_its_own_changes_only(tmp_path: Path) -> None:
    async def listen(store: Store, reader: Reader) -> None:
        live = Live(reader, clock=lambda: NOW, every_s=0.02)
        forville, city = live.events(site="forville"), live.events()
        for stream in (forville, city):
            await anext(stream)  # how soon to come back
        heard = asyncio.ensure_future(anext(forville))
        await asyncio.sleep(0.05)  # it knows the present state
        store.write([received(NOW - timedelta(minutes=2), site="gare", unit="gare-01")])
        assert await asyncio.wait_for(anext(city), 10) == CHANGE
        await asyncio.sleep(0.2)
        assert not heard.done()
        store.write([received(NOW - timedelta(minutes=2), site="forville")])
        assert await asyncio.wait_for(heard, 10) == CHANGE

    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=PARIS) as engine:
        calendar = Calendar(PARIS)
        store = Store(engine, calendar=calendar)
        store.write(
            [
                received(NOW - timedelta(minutes=3), site=site, unit=f"{site}-01")
                for site in ("forville", "gare")
            ]
        )
        asyncio.run(listen(store, Reader(engine, calendar=calendar)))
