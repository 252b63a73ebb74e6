"""Documents as people read them: rows become pages. Nothing here changes anything."""
