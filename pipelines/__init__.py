"""A data set and a recipe in; result rows, predictions and reports out."""
