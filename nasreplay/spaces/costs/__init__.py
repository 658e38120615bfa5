"""Closed-form parameters and multiply-adds of the networks of a space."""
