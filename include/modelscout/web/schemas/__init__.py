"""The shapes of what the page and the JSON API answer and take, one file per part."""
