"""Sets of micro-expression clips, motion maps and videos."""
