"""Which clips the report measures, and what it writes of them."""

from itertools import chain

import pytest

from headclips import report
from headclips.report import SETS, Clip, judged, parts_of, table_of_kinds
from maskcam.records import HeadMotion


def seeds(parts):
    return list(chain.from_iterable((job.seed for job in part.jobs()) for part in parts))


def test_so_many_clips_of_a_kind_come_from_each_renderer_with_the_seeds_of_the_whole_report():
    parts = parts_of(["hand in front"], 100)
    assert [part.renderer for part in parts] == ["first", "second"]
    assert [{job.name for job in part.jobs()} for part in parts] == [{"hand in front"}] * 2
    assert [len(set(seeds([part]))) for part in parts] == [100, 100]
    for part, whole in zip(parts, SETS, strict=True):
        known = {job.seed for job in whole.jobs() if job.name == "hand in front"}
        assert 0 < len(known) < 100
        assert known <= set(seeds([part]))


@pytest.mark.parametrize(
    ("kind", "renderers"), [("left-right look", 2), ("hand held", 2), ("still", 1), ("nod", 1)]
)
def test_a_kind_comes_from_the_renderers_that_have_it(kind, renderers):
    assert sum(bool(part.jobs()) for part in parts_of([kind], 5)) == renderers


def test_other_kinds_are_refused_with_their_name(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        report.main(["--data", str(tmp_path), "--signals", str(tmp_path), "--kinds", "wink"])
    assert ended.value.code == 2
    assert "no clip is of the kind 'wink'" in capsys.readouterr().err


def clip(renderer, kind, *, shake_s=None, hand_s=None):
    facts = {"label": kind, "kind": kind}
    return Clip(renderer, facts, shake_s, hand_s, None, 0.0)


def test_the_table_of_kinds_counts_shakes_and_hands_apart():
    clips = [
        clip("first", "sway", shake_s=1.0),
        clip("first", "sway"),
        clip("second", "hand in front", hand_s=2.0),
    ]
    lines = table_of_kinds(clips).splitlines()
    rows = [line.split(" | ")[:4] for line in lines[2:]]
    assert [[cell.split(":")[0] for cell in row] for row in rows] == [
        ["| taken for a shake", "hand in front", "", "0 of 1"],
        ["| taken for a shake", "sway", "1 of 2", ""],
        ["| taken for a hand held", "hand in front", "", "1 of 1"],
        ["| taken for a hand held", "sway", "0 of 2", ""],
    ]


def test_the_table_of_kinds_is_printed_and_the_page_stays_as_it_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(report, "measure_part", lambda part, data, signals: iter(()))
    folder = ["--data", str(tmp_path), "--signals", str(tmp_path)]
    assert report.main([*folder, "--kinds", "tilt", "--clips", "1"]) == 0
    assert capsys.readouterr().out.startswith("| | | first renderer")
    assert not list(tmp_path.iterdir())


def test_a_head_that_stays_was_taken_for_nothing():
    motions = [HeadMotion(i / 15, 0.0, 0.0, 1.0, 0.0, 0.0, 4.0) for i in range(60)]
    still = judged("first", {"label": "still", "kind": "still"}, motions)
    assert (still.shake_s, still.hand_s, still.rules_s) == (None, None, None)
