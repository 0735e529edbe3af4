"""What charts share: the theme, tables of their numbers, curves of planted records."""
