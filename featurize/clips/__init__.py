"""Clips in, vectors out: time sampling, motion magnification, spatio-temporal textures, flow."""
