"""What rows of charts say of themselves, as people read it. Without the charts' library, which pages do not need."""

LAST, FORMER = "Last 30 days", "30 days before"
"""Values of `period`."""
PROMISED, REALISED = "Promised", "Realised"
"""Values of `what`."""
