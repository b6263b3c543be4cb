"""The browser's side of charts: Vega, Vega-Lite and Vega-Embed as one script, made once from vl-convert.

It is made in a process of its own: vl-convert carries a JavaScript engine that this process need not keep.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import subprocess
import sys
from functools import lru_cache

MAKE = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())
"""
TIMEOUT_S = 60


def library_version() -> str:
    """Version of the package that the script comes from."""
    return importlib.metadata.version("vl-convert-python")


@lru_cache(maxsize=1)
def plain() -> bytes:
    """The script. Raises CalledProcessError where vl-convert cannot make it."""
    done = subprocess.run([sys.executable, "-c", MAKE], capture_output=True, check=True, timeout=TIMEOUT_S)
    return done.stdout


@lru_cache(maxsize=1)
def compressed() -> bytes:
    """The script, gzipped."""
    return gzip.compress(plain(), 6, mtime=0)
