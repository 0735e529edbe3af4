"""``python -m memometer``, and ``accelerate launch -m memometer train …``."""

from memometer.cli.main import main

if __name__ == "__main__":
    main()
