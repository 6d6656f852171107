"""The web page and its JSON endpoint: what ``mueca serve`` runs; needs the extra ``web``."""
