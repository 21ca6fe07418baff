"""Sets a document with typst, in the one font of all that maskcam prints."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

from maskcam.errors import MaskcamError

Form = Literal["pdf", "png", "svg"]

PRINT_PPI = 200


def typeset(source: Path, data: dict[str, Any], *, form: Form, dated: date) -> list[bytes]:
    """Returns the pages of a document (a PDF is one item); fonts are embedded or outlined.

    Args:
        source: the .typ file; what it includes lies in its folder.
        data: what the document reads from `sys.inputs.data`, as JSON.
        form: file format.
        dated: the date that the document bears, so that the same words give the same bytes.

    Raises:
        MaskcamError: the extra `sign` is not installed, or the document cannot be set.
    """
    try:
        import font_source_sans_pro  # type: ignore[import-untyped]
        import typst
    except ImportError as error:
        raise MaskcamError("printing needs the extra: pip install 'maskcam[sign]'") from error
    try:
        pages: Any = typst.compile(
            str(source),
            root=str(source.parent),
            font_paths=[font_source_sans_pro.font_directory],
            ignore_system_fonts=True,
            format=form,
            ppi=PRINT_PPI,
            timestamp=datetime.combine(dated, time(), tzinfo=UTC),
            sys_inputs={"data": json.dumps(data)},
        )
    except typst.TypstError as error:
        raise MaskcamError(f"{source.name} cannot be set: {error}") from error
    return pages if isinstance(pages, list) else [pages]
