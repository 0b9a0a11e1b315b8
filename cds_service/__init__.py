"""Cramp CDS: the EHR asks, the cards answer, and every answer can be explained, replayed and audited."""

__version__ = "0.1.0"
