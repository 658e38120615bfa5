"""Other libraries' calls over our tables, for scripts that change one import line."""
