"""Other packages whose weights lie in a package of a registry: how each is installed, asked and scored."""
