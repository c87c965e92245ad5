"""The window: widgets that talk to the rest of the program through messages and ports only."""
