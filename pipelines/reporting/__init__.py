"""The parts of a report: what is read, computed, drawn, laid out. `pipelines.report` puts them together."""
