"""Which functions networks find first, and which they find hard."""
