"""``python -m maskcam.cityhall``: the same as ``maskcam cityhall``."""

from maskcam.cityhall.commands import main

raise SystemExit(main())
