"""Names that several parts share: what may be one, and what a topic looks like."""

from __future__ import annotations

import pytest

from maskcam.names import SLUG, topic


@pytest.mark.parametrize("name", ["a", "forville-01", "0", "x" * 63])
def test_these_are_names(name):
    assert SLUG.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-a", "Forville", "a_b", "a/b", "a+", "é", "x" * 64, "a\n"])
def test_these_are_none(name):
    assert SLUG.fullmatch(name) is None


def test_a_topic_names_site_unit_and_kind():
    assert topic("forville", "forville-01", "count").endswith("/forville/forville-01/count")
