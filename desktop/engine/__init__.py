"""The part that makes pictures: a queue, one thread that owns torch, and what runs on it. No Qt, no SQL."""
