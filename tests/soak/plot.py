"""A picture of a soak: resident memory and open files over the time of the street."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.soak.soak import Result
from tests.soak.trend import WARM_UP, Trend

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 260, 80, 20, 40, 30
_INK, _GRID, _LINE, _SLOPE = (40, 40, 40), (225, 225, 225), (160, 90, 20), (40, 60, 200)


def write_plot(result: Result, file: Path) -> None:
    """Writes both curves, one above the other, each with its slope after the warming up."""
    hours = [sample.at_s / 3600 for sample in result.samples]
    memory = [sample.own_kb / 1024 for sample in result.samples]
    files = [float(sample.open_files) for sample in result.samples]
    panels = [
        _panel("own resident memory, MB", hours, memory, result.memory),
        _panel("open files", hours, files, result.files),
    ]
    cv2.imwrite(str(file), np.vstack(panels))


def _panel(title: str, hours: Sequence[float], values: Sequence[float], slope: Trend):
    picture = np.full((_HIGH, _WIDE, 3), 255, np.uint8)
    top = max(values) * 1.2
    right = hours[-1]

    def place(hour: float, value: float) -> tuple[int, int]:
        x = _LEFT + hour / right * (_WIDE - _LEFT - _RIGHT)
        y = _HIGH - _BOTTOM - value / top * (_HIGH - _TOP - _BOTTOM)
        return round(x), round(y)

    for step in _steps(top):
        cv2.line(picture, place(0, step), place(right, step), _GRID)
        _write(picture, f"{step:g}", (_LEFT - 50, place(0, step)[1] + 5))
    for step in _steps(right):
        cv2.line(picture, place(step, 0), place(step, top), _GRID)
        _write(picture, f"{step:g} h", (place(step, 0)[0] - 12, _HIGH - 8))
    curve = np.array([place(hour, value) for hour, value in zip(hours, values, strict=True)])
    cv2.polylines(picture, [curve], False, _LINE, 1, cv2.LINE_AA)
    first = hours[0] + WARM_UP * (right - hours[0])
    kept = [value for hour, value in zip(hours, values, strict=True) if hour >= first]
    middle, half = float(np.median(kept)), slope.an_hour * (right - first) / 2
    ends = place(first, middle - half), place(right, middle + half)
    cv2.line(picture, *ends, _SLOPE, 1, cv2.LINE_AA)
    summary = f"{title}: slope {slope.an_hour:+.4f} an hour (95 %: {slope.least:+.4f} to "
    _write(picture, f"{summary}{slope.most:+.4f})", (_LEFT, 24), 0.55)
    return picture


def _steps(top: float) -> list[float]:
    """Returns four to nine round numbers from 0 to `top`."""
    rough = top / 5
    size = 10.0 ** np.floor(np.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [float(number) for number in np.arange(0, top, step)]


def _write(picture, text: str, at: tuple[int, int], size: float = 0.45) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
