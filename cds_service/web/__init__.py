"""The doors over HTTP: hooks, feedback, health; everything that knows Flask."""
