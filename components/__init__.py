"""Pulumi resources: each component turns finished plan values into resources and decides nothing itself."""
