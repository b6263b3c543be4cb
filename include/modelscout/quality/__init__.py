"""Great Expectations suites over the warehouse."""
