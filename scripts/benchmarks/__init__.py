"""The sections of ``scripts/bench.py``, one file each, and what they share: timing, rows, processes, programs."""
