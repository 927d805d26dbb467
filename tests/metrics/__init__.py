"""Tests of tcwae.metrics."""
