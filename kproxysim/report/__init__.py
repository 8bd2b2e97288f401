"""Words and pictures: one module for each form of output. Everything here reads results; nothing is decided.

Modules are imported one by one, where a form is asked for, so that a command loads no more than it prints.
"""
