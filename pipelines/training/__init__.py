"""The parts of training a network; `pipelines.training.train` puts them together."""
