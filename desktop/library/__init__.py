"""Models on disk: finding, checking and adding them. No Qt, no torch."""
