"""What Safelight keeps: pictures on disk, their recipes, the database, history and search. No Qt, no torch."""
