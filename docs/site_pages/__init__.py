"""What makes the site: pages of reference from the code, pages of results, and the checks of both."""
