"""Protects the chip: a sensor, a ladder of hystereses, and the gate that all inference passes."""
