"""Reads and changes for the page and the JSON API alike, one file per part; both call the same functions."""
