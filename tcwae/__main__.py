"""`python -m tcwae` is the command `tcwae`."""

import sys

from tcwae.cli import main

sys.exit(main())
