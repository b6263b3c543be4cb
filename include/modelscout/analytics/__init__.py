"""The daily rollup and what can be read from it."""
