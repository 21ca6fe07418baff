"""Prints a page as PDF in a process of its own: slow, and generous with memory.

``python -m maskcam.cityhall.web.pdf`` reads HTML and writes the PDF.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from importlib import resources

MEMORY_BYTES = 1_500_000_000
TIME_S = 60
NICE = 10
NO_LIBRARY = 3


class PdfError(Exception):
    """The page cannot be printed; the text says why."""


def print_pdf(html: bytes) -> bytes:
    """Returns a page as PDF. Nothing is fetched: its style is handed over with it.

    Raises:
        PdfError: weasyprint or Pango is missing, or it takes too long or too much memory.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-m", "maskcam.cityhall.web.pdf"],
            input=html,
            capture_output=True,
            timeout=TIME_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PdfError(f"it took longer than {TIME_S} s") from error
    if child.returncode == NO_LIBRARY:
        raise PdfError("weasyprint or the Pango library is missing")
    if child.returncode != 0 or not child.stdout.startswith(b"%PDF"):
        raise PdfError(f"the process ended with {child.returncode}")
    return child.stdout


def main() -> int:
    """Prints stdin to stdout; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_S, TIME_S))
    os.nice(NICE)
    try:
        import weasyprint  # type: ignore[import-untyped]
    except (ImportError, OSError):  # the library, or the Pango that it loads
        return NO_LIBRARY

    def fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
        raise ValueError(f"a report fetches nothing, not even {url[:80]}")

    html = sys.stdin.buffer.read().decode()
    style = resources.files("maskcam.cityhall").joinpath("static/report.css").read_text("utf-8")
    document = weasyprint.HTML(string=html, url_fetcher=fetch_nothing, base_url="about:blank")
    body: bytes = document.write_pdf(
        stylesheets=[weasyprint.CSS(string=style)], pdf_variant="pdf/ua-1"
    )  # tagged: a screen reader knows headings, tables and what a chart shows
    sys.stdout.buffer.write(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
