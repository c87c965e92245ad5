"""How the installed application is made; none of this is part of it."""
