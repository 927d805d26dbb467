"""`python -m tcwae` is the command `tcwae`."""

import sys

from tcwae.cli.main import main

sys.exit(main())
