"""Charts: described with Altair as Vega-Lite, drawn in the browser with the library that comes with vl-convert."""
