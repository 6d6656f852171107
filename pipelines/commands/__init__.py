"""The words of the command line: options in, tables out; one file a group of commands."""
