"""Modelscout: which model each AI feature of each organization should use, and the proof."""

__version__ = "0.1.0"
