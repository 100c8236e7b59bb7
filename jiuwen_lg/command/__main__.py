"""`python -m jiuwen_lg.command`."""

import sys

from jiuwen_lg.command.main import main

sys.exit(main())
