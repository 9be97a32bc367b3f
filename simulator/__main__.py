"""The command line: `python -m simulator graph` and `python -m simulator send`."""

import argparse
import sys

from simulator import send, serve

DESCRIPTION = """Meta's stand-in, for development and tests: sends signed webhooks, answers as the Graph API.
It needs no network and no account. What it was sent can be read at its address: no data of real customers."""
EPILOG = """examples:
  python -m simulator graph --port 9200
  python -m simulator send --url http://127.0.0.1:8000/webhooks/instagram --secret app-secret
  python -m simulator send --help"""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve.add_parser(commands)
    send.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
    except ValueError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    except OSError as failure:
        print(f"error: {failure.strerror or type(failure).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
