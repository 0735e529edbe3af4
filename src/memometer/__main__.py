"""``python -m memometer``, and ``accelerate launch -m memometer train …``."""

from memometer.cli.start import main

if __name__ == "__main__":
    main()
