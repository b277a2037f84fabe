"""`python -m brokerlake`."""

import sys

from brokerlake.cli import main

sys.exit(main())
