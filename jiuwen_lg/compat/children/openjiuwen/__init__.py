"""Stands in for openjiuwen in processes that a program run by `python -m jiuwen_lg.compat` starts."""

import os
import sys
from importlib import import_module

from jiuwen_lg.compat import install
from jiuwen_lg.compat.alias import VERSION_SETTING

sys.modules.pop(__name__, None)
install(os.environ.get(VERSION_SETTING) or None)
import_module(__name__)
