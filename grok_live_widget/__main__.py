"""``python -m grok_live_widget`` is ``grok-live``."""

import sys

from .cli import main

sys.exit(main())
