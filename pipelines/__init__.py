"""A data set and a recipe in; result rows, predictions, models out. Start with `pipelines.api`."""
