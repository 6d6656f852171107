"""What a notebook or a program asks for: fit on anything, by any estimator, and charts of the results."""
