"""The parts of training a network; `pipelines.train` puts them together."""
