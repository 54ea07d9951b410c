"""Test error against size: where it peaks, and how many parameters fit how many equations."""
