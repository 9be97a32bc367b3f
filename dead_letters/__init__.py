"""The cemetery: what failed for good, why, and the way back. It knows nothing of what it buries."""
