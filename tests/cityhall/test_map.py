"""The map: where units stand, the outline, what lies where, and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import cos, radians, sqrt
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.city_map import (
    WIDTH,
    Spot,
    lay_out,
    place_labels,
    plane_of,
    rule_box,
    size_key,
)
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.new_units import read_new_units
from maskcam.cityhall.outline import read_outline
from maskcam.cityhall.positions import read_position
from maskcam.cityhall.registry import Position, Registered, site_positions, write_units
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.errors import ConfigError, UsageError
from tests.cityhall.city import CONTACT, City
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import minutes_from

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
EVIL = "<script>alert(1)</script>'\""
SQUARE = [[7.0, 43.5], [7.1, 43.5], [7.1, 43.6], [7.0, 43.6], [7.0, 43.5]]


@pytest.mark.parametrize("latitude", [0.0, 43.55, -36.85, 60.2, 84.9])
def test_a_kilometre_is_as_long_in_every_direction(latitude: float) -> None:
    metre = 1 / 111_195
    middle = Position(latitude, 7.0)
    north = Position(latitude + 1000 * metre, 7.0)
    shrink = cos(radians(latitude))
    east = Position(latitude, 7.0 + 1000 * metre / shrink)
    plane = plane_of({"a": middle, "b": north, "c": east}, [])
    spots = lay_out(plane, {"a": middle, "b": north, "c": east}, {})
    a, b, c = spots["a"], spots["b"], spots["c"]
    assert b.y < a.y  # north is up
    assert c.x > a.x
    assert a.y - b.y == pytest.approx(c.x - a.x, rel=0.01)
    length, metres = plane.rule()
    assert length / metres == pytest.approx((a.y - b.y) / 1000, rel=0.01)
    assert 30 < length <= 120


def test_a_single_site_stands_in_the_middle() -> None:
    only = {"a": Position(43.5, 7.0)}
    plane = plane_of(only, [])
    spot = lay_out(plane, only, {"a": 12})["a"]
    assert (spot.x, spot.y) == (WIDTH / 2, plane.height / 2)


@pytest.mark.parametrize("number", [2, 5, 11, 40, 500])
def test_sites_are_on_the_map_and_shrink_with_their_number(number: int) -> None:
    chance = Random(number)
    sites = {f"s{i}": Position(chance.uniform(43, 44), chance.uniform(6, 8)) for i in range(number)}
    passages = dict(zip(sites, chance.sample(range(10_000), number), strict=True))
    plane = plane_of(sites, [])
    spots = lay_out(plane, sites, passages)
    assert list(spots) == sorted(sites, key=lambda site: -passages[site])
    for spot in spots.values():
        assert spot.radius <= spot.x <= WIDTH - spot.radius
        assert spot.radius <= spot.y <= plane.height - spot.radius
    ink = sum(3.15 * spot.radius**2 for spot in spots.values())
    assert ink < 0.15 * WIDTH * plane.height
    sizes = [spot.radius for spot in spots.values()]
    assert sizes == sorted(sizes, reverse=True)
    labels = place_labels(spots, dict.fromkeys(sites, "Place du Marché"), height=plane.height,
                          font=13)  # fmt: skip
    assert len(labels) == 0 if number > 40 else len(labels) >= min(number, 10)
    boxes = []
    for label in labels.values():
        left = label.x - {"start": 0, "middle": 0.5, "end": 1}[label.anchor] * 15 * 7.5
        boxes.append((left, label.y))
    for i, (x, y) in enumerate(boxes):
        assert all(abs(x - a) > 100 or abs(y - b) > 10 for a, b in boxes[:i])


def test_the_scale_keeps_out_of_the_way_of_sites_and_names() -> None:
    low, high = Position(43.5, 7.0), Position(43.6, 7.1)
    sites = {"low": low, "high": high}
    plane = plane_of(sites, [])
    spots = lay_out(plane, sites, {})
    corner = rule_box(plane, spots)
    assert corner[0] == 14
    assert corner[1] > plane.height / 2  # below, on the left
    there = {"near": Spot(corner[0] + 20, corner[1] - 8, 6.0)}
    assert rule_box(plane, there)[0] > WIDTH / 2
    beside = {"near": Spot(corner[0] + 20, corner[1] - 12, 6.0)}
    names = {"near": "Place du Marché"}
    labels = place_labels(beside, names, height=plane.height, font=40)
    assert labels["near"].anchor == "start"
    assert not place_labels(beside, names, height=plane.height, font=40, taken=[corner])


def test_a_site_is_in_the_middle_of_its_units() -> None:
    units = {
        "a-1": Registered(site="a", latitude=43.0, longitude=7.0),
        "a-2": Registered(site="a", latitude=44.0, longitude=8.0),
        "a-3": Registered(site="a"),
        "b-1": Registered(site="b"),
    }
    assert site_positions(units) == {"a": Position(43.5, 7.5)}


@pytest.mark.parametrize(
    ("geometry", "lines"),
    [
        ({"type": "Polygon", "coordinates": [SQUARE, SQUARE]}, 2),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]}, 3),
        ({"type": "LineString", "coordinates": [[7, 43, 12.5], [8, 44, 0]]}, 1),
        ({"type": "MultiLineString", "coordinates": [SQUARE, SQUARE]}, 2),
    ],
)
def test_an_outline_is_read_in_all_its_forms(
    tmp_path: Path, geometry: dict[str, object], lines: int
) -> None:
    file = tmp_path / "city.geojson"
    point = {"type": "Point", "coordinates": [7, 43]}
    feature = {"type": "Feature", "properties": None, "geometry": geometry}
    for found in (
        geometry,
        feature,
        {"type": "GeometryCollection", "geometries": [point, geometry]},
        {"type": "FeatureCollection",
         "features": [feature, {"type": "Feature", "geometry": None, "properties": {}}]},
    ):  # fmt: skip
        file.write_text(json.dumps(found))
        assert len(read_outline(file)) == lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "null",
        '{"type": "Polygon"}',
        '{"type": "Polygon", "coordinates": 7}',
        '{"type": "Polygon", "coordinates": [[["a", "b"]]]}',
        '{"type": "Polygon", "coordinates": [[[NaN, 3]]]}',
        '{"type": "LineString", "coordinates": [[1034567.8, 6291234.5], [1034568.8, 6291234.5]]}',
        '{"type": "Topology", "arcs": []}',
        '{"type": "Point", "coordinates": [7, 43]}',
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "Feature", "geometry": {"type": "Feature"}}',
        "[" * 100_000,
        '{"type": "LineString", "coordinates": [' + "[7,43]," * 200_000 + "[7,43]]}",
        " " * 5_000_001,
    ],
    ids=range(16),
)
def test_a_wrong_outline_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "city.geojson"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_outline(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_a_missing_outline_is_refused_and_none_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_outline(tmp_path / "no.geojson")
    assert read_outline(None) == []


def test_a_fine_outline_becomes_a_short_path() -> None:
    fine = tuple((7 + i / 100_000, 43.5) for i in range(10_001))
    plane = plane_of({"a": Position(43.5, 7.05)}, [fine])
    assert len(plane.line(fine)) == 2


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("43.5519", "7.0128"), Position(43.5519, 7.0128)),
        (("43,5519", " 7,0128 "), Position(43.5519, 7.0128)),
        (("-36.84", "174.76"), Position(-36.84, 174.76)),
        ((None, None), None),
        (("", ""), None),
    ],
)
def test_positions_are_read(given: tuple[object, object], found: Position | None) -> None:
    assert read_position(*given, where="x") == found


@pytest.mark.parametrize(
    "given", [("43.5", None), ("", "7"), ("91", "7"), ("43", "181"), ("nan", "7"), ("N43", "E7")]
)
def test_wrong_positions_are_refused(given: tuple[object, object]) -> None:
    with pytest.raises(UsageError, match=r"^gare-01: give latitude"):
        read_position(*given, where="gare-01")


def test_a_table_of_new_units_has_positions(tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text(
        "unit;site;contact;latitude;longitude\n"
        "gare-01;gare;tel. 01 23 45 67 89;43,5519;7,0128\ngare-02;gare;tel. 01 23 45 67 89;;\n"
    )
    first, second = read_new_units(file)
    assert first.registered.latitude == 43.5519
    assert second.registered.longitude is None


def test_units_get_their_place_by_command(
    city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = city.directory / "units.json"
    there = ["--latitude", "-36.84", "--longitude", "174.76"]
    assert city.run("add-unit", "quai-01", "--site", "quai", *CONTACT, *there) == 0
    table = tmp_path / "places.csv"
    table.write_text(
        "unit,latitude,longitude,remark\ngare-01,43.5,7.1,north side\nforville-01,,,\n"
    )
    assert city.run("place-unit", "--from", str(table)) == 0
    assert city.run("place-unit", "quai-01", "--latitude", "-36.85", "--longitude", "174.7") == 0
    before = json.loads(file.read_text())
    assert (before["quai-01"]["latitude"], before["quai-01"]["longitude"]) == (-36.85, 174.7)
    assert before["gare-01"]["latitude"] == 43.5
    assert before["forville-01"]["latitude"] is None
    capsys.readouterr()
    for wrong in (["nobody", *there], ["quai-01", "--latitude", "9"], ["--from", "/no.csv"]):
        assert city.run("place-unit", *wrong) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert json.loads(file.read_text()) == before


@pytest.mark.parametrize("most", [1, 9, 640, 73_000, 1_000_000])
def test_the_key_of_sizes_holds_for_the_circles(most: int) -> None:
    places = {"a": Position(43.5, 7.0), "b": Position(43.6, 7.1)}
    key = None
    for few in (most // 3, most // 7):
        passages = {"a": most, "b": few}
        spots = lay_out(plane_of(places, []), places, passages)
        key = size_key(spots, passages)
        for number, radius in key:
            assert most // 40 <= number <= most
            assert str(number).rstrip("0") in {"1", "2", "5"}
            assert radius == pytest.approx(spots["a"].radius * sqrt(number / most))
    assert key
    assert size_key({}, {}) == []


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Engine]:
    with up_to_date(f"sqlite:///{tmp_path / 'hall.db'}", zone=PARIS) as engine:
        store = Store(engine, calendar=Calendar(PARIS))
        for site, counts in (("gare", (70, 30, 0, 0)), ("port", (20, 80, 0, 0)), (EVIL, None)):
            for day in range(1, 8):
                store.write(
                    minutes_from(
                        NOW - timedelta(days=day), 20, unit=f"{site}-01", site=site, counts=counts
                    )
                )
        yield engine


@contextmanager
def opened(engine: Engine, tmp_path: Path, outline: Path | None = None) -> Iterator[TestClient]:
    settings = Settings(
        city=CitySection(name="Ville", site_names={"gare": "La Gare & Co"}, outline=outline),
        broker=CollectorBroker(host="localhost", units_file=tmp_path / "units.json"),
        web=WebSection(public_page=True),
    )
    app = create_app(settings, engine=engine, calendar=Calendar(PARIS), clock=lambda: NOW)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_the_page_shows_each_placed_site_as_a_link_that_says_all(
    filled: Engine, tmp_path: Path
) -> None:
    (tmp_path / "city.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE]}))
    with opened(filled, tmp_path, tmp_path / "city.geojson") as client:
        assert "<svg viewBox" not in client.get("/?lang=en").text  # nobody has a place yet
        units = {
            f"{site}-01": Registered(site=site, latitude=43.5 + i / 50, longitude=7.0)
            for i, site in enumerate(("gare", "port", EVIL, "never-counted"))
        }
        write_units(tmp_path / "units.json", units)
        text = client.get("/?lang=en").text
        assert '<path class="outline" d="M' in text
        assert "La Gare &amp; Co: 14,000 passages, mask worn properly: 70" in text
        assert 'href="/sites/gare?lang=en"' in text
        assert text.count('<a class="hit"') == 3
        assert "<script>alert" not in text
        # Nothing arrives of these cameras today: they are marked, and it is said.
        gare = text[text.index('<a class="hit" href="/sites/gare') :].split("</a>")[0]
        assert 'class="alarm"' in gare
        assert "; a camera needs attention</title>" in gare
        # More masks: a bluer circle. What is not known is white.
        shades = [int(part[0]) for part in text.split('<circle class="share-')[1:3]]
        assert shades == [5, 0]
        assert '<circle class="share-none"' in text
        public = client.get("/public?lang=fr").text
        assert 'href="/public?site=gare&amp;lang=fr"' in public
        assert "La Gare &amp; Co\xa0: 14\u202f000 passages, masque bien porté\xa0: 70" in public
        assert "alarm" not in public

    (tmp_path / "city.geojson").write_text("{}")
    with (
        pytest.raises(ConfigError, match="is no GeoJSON"),
        opened(filled, tmp_path, tmp_path / "city.geojson"),
    ):
        pass
