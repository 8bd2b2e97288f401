"""Traces and comparisons as HTML pages: one file each, nothing loaded from outside.

What the pages look like and how they are stepped through lies beside the modules, in `.css` and `.js` files
that are copied into each page.
"""
