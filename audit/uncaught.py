"""Uncaught exceptions as log lines: Python's own report would print the message and source lines."""

import logging
import sys
import threading
from types import TracebackType

log = logging.getLogger(__name__)


def install() -> None:
    """Report uncaught exceptions through the log, unless someone else (a test runner) reports them."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _of_process
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _of_thread


def _of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("process.crashed", exc_info=(kind, error, trace))


def _of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    log.critical("thread.crashed", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
