"""The parts of a report: what is computed, drawn, laid out. `report` puts them together."""
