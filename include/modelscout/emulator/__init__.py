"""A server that speaks the four provider APIs, for the demo and the tests."""
