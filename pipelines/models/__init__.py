"""Fitted models: folder, card, prediction of crops."""
