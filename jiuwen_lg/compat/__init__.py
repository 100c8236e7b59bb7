"""The `openjiuwen` alias: programs written for openJiuwen 0.1.1, and for 0.1.4 to 0.1.19, run unchanged.

`install()` makes `import openjiuwen…` find our names; `python -m jiuwen_lg.compat
program.py` does so and runs a program.
"""

from jiuwen_lg.compat.alias import install

__all__ = ["install"]
