"""Runs the command line as ``python -m maskcam``."""

import sys

from maskcam.cli import main

sys.exit(main())
