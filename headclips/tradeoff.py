"""Draws what a stricter or laxer decision would recognise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from maskcam.evaluate.gestures import rate
from maskcam.people.headshake import NO

LIMITS = tuple(sorted({-2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0, NO}))  # log odds
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 400, 70, 60
_COLOURS = ("#246", "#b40")
_LABELLED = (-2.0, 5.0, 9.0)
_RIGHTMOST, _LOWEST = 0.15, 0.5  # ends of the axes: confusers, shakes


class Measured(NamedTuple):
    """A clip as the decision sees it: its highest log odds of a shake."""

    is_shake: bool
    peak: float


class Point(NamedTuple):
    """What one limit of the decision recognises, with 95 % intervals."""

    limit: float
    shakes: float
    shakes_ci: tuple[float, float]
    confusers: float
    confusers_ci: tuple[float, float]


def trade(clips: Sequence[Measured]) -> list[Point]:
    """Returns a point of the curve for each of `LIMITS`."""
    points = []
    for limit in LIMITS:
        shakes, confusers = (
            rate(sum(peak >= limit for peak in peaks), len(peaks))
            for peaks in ([c.peak for c in clips if c.is_shake is shown] for shown in (True, False))
        )
        points.append(
            Point(limit, shakes["rate"], shakes["ci95"], confusers["rate"], confusers["ci95"])
        )
    return points


def draw(curves: Mapping[str, Sequence[Point]]) -> str:
    """Returns the named curves as SVG; the chosen points are full."""

    def x(share: float) -> float:
        return _LEFT + min(share, _RIGHTMOST) / _RIGHTMOST * (_WIDTH - _LEFT - 20)

    def y(share: float) -> float:
        up = (max(share, _LOWEST) - _LOWEST) / (1 - _LOWEST)
        return _HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - 20)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for percent in range(0, int(100 * _RIGHTMOST) + 1, 5):
        at = x(percent / 100)
        parts.append(f'<path d="M{at:.1f} {y(1):.1f}V{y(_LOWEST):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 40}" text-anchor="middle">{percent}</text>')
    for percent in range(int(100 * _LOWEST), 101, 10):
        at = y(percent / 100)
        parts.append(f'<path d="M{x(0):.1f} {at:.1f}H{x(_RIGHTMOST):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{percent}</text>')
    parts.append(
        f'<text x="{(_WIDTH + _LEFT) / 2}" y="{_HEIGHT - 14}" text-anchor="middle">'
        "confusers taken for a shake, %</text>"
        f'<text transform="translate(20 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        "shakes recognised, %</text>"
    )
    for place, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[place]
        line = " ".join(f"{x(p.confusers):.1f},{y(p.shakes):.1f}" for p in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_WIDTH - 210}" y="{_HEIGHT - 110 + 20 * place}" '
            f'fill="{colour}">{name}</text>'
        )
        for p in points:
            chosen = p.limit == NO
            if chosen:
                low, high = p.shakes_ci
                left, right = p.confusers_ci
                parts.append(
                    f'<path d="M{x(p.confusers):.1f} {y(low):.1f}V{y(high):.1f}'
                    f'M{x(left):.1f} {y(p.shakes):.1f}H{x(right):.1f}" stroke="{colour}"/>'
                )
            parts.append(
                f'<circle cx="{x(p.confusers):.1f}" cy="{y(p.shakes):.1f}" '
                f'r="{6 if chosen else 3}" fill="{colour if chosen else "#fff"}" '
                f'stroke="{colour}"/>'
            )
            if p.limit in _LABELLED:
                parts.append(
                    f'<text x="{x(p.confusers) + 8:.1f}" y="{y(p.shakes) + 16:.1f}" '
                    f'fill="{colour}">{p.limit:g}</text>'
                )
    parts.append(
        f'<text x="{_WIDTH - 210}" y="{_HEIGHT - 110 + 20 * len(curves)}">'
        f"full: the limit in use, {NO:g}</text>"
    )
    return "\n".join([*parts, "</svg>", ""])
