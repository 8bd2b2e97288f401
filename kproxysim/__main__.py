"""`python -m kproxysim`."""

from kproxysim.cli import main

if __name__ == "__main__":
    main()
