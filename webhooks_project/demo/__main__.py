"""`python -m webhooks_project.demo [--once]`: what `make demo` and `make demo-once` run."""

import argparse
import sys

from webhooks_project.demo.run import run


def main() -> int:
    """The exit code: 0 when the story came true."""
    parser = argparse.ArgumentParser(
        prog="python -m webhooks_project.demo",
        description="Run the whole service on this machine and tell what happens.",
        epilog="Example: python -m webhooks_project.demo --once",
    )
    parser.add_argument("--once", action="store_true", help="end by itself when the story has come true")
    return run(once=parser.parse_args().once)


if __name__ == "__main__":
    sys.exit(main())
