"""The `bittrue` command. Each verb stands in its own file; nothing heavy is imported before it runs."""

from __future__ import annotations

import signal
import sys
import traceback

import typer

from bittrue.cli import (
    bench,
    benches,
    bounds,
    calibrate,
    check,
    compare,
    cost,
    coverage,
    demo,
    explore,
    hw,
    lower,
    report,
    simulate,
    unit,
    vectors,
)
from bittrue.spec.errors import BittrueError

app = typer.Typer(
    name="bittrue",
    help="Simulate quantized vision transformers bit for bit as an NPU would, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 agreed or done, 1 differed, 2 bad input or could not be judged, 3 internal error.",
)
for verb in (
    calibrate,
    lower,
    simulate,
    compare,
    vectors,
    check,
    benches,
    unit,
    coverage,
    bounds,
    cost,
    hw,
    explore,
    report,
    demo,
    bench,
):
    verb.register(app)


def main() -> None:
    """Run the command and leave with docs/design.md's exit codes."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that goes away ends the command by that signal; an exit code of 1 would mean "differed".
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        code = app(standalone_mode=False)
    except BittrueError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        code = 130
    except OSError as error:
        print(f"error: {error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
        code = 2
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> int:
    """typer's own complaints are about the command line (2); anything else is a fault of bittrue (3)."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return 2
    traceback.print_exc()
    print(
        f"internal error: {type(error).__name__}: {error}\n  next:     please report it with the lines above",
        file=sys.stderr,
    )
    return 3


if __name__ == "__main__":
    main()
