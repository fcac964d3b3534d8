"""Decisions as values: no sockets, no locks, no clock."""
