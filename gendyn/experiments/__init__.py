"""One question per file: ``run``, ``figure`` and ``verdict``; found by file name, imported by nobody."""
