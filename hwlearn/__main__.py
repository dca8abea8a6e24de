"""`python -m hwlearn`."""

from hwlearn.cli import main

if __name__ == "__main__":
    main()
