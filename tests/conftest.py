"""What is skipped for want of a package fails where scripts/test has installed them all."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from _pytest.reports import BaseReport

try:
    from hypothesis import settings
except ModuleNotFoundError:  # the environment of the second runtime has none
    pass
else:
    # A busy machine is no fault of an example.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")

WANTING = ("apt install", "could not import")


def _fail_where_all_is_installed(report: BaseReport) -> None:
    if os.environ.get("EVERYTHING_INSTALLED") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if report.skipped and any(word in reason for word in WANTING):
            report.outcome = "failed"
            report.longrepr = f"{reason}: add it to scripts/test or to setup.cfg"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_where_all_is_installed(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_where_all_is_installed(report)
    return report
