"""Reading files, a format a module."""
