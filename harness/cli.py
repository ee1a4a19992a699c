"""The command line: thin verbs over the packages that do the work."""

from __future__ import annotations

import sys
import traceback
from typing import NoReturn

import typer
from rich.markup import escape

from harness.exit_codes import INTERRUPTED, INVALID, OK, USAGE
from harness.interrupts import end_on_term
from harness.terminal import ERR
from harness.verbs import (
    compare,
    data,
    doctor,
    export,
    figures,
    gate,
    history,
    look,
    noise,
    predict,
    quality,
    report,
    run,
    store,
    trace,
)
from systems.errors import BenchError, ConfigurationError

app = typer.Typer(
    name="alsatian-bench",
    help="Compare model search systems: Base, SHiFT and Alsatian.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run.run)
app.command(name="list")(look.list_)
app.command()(look.validate)
app.command()(compare.compare)
app.command()(report.report)
app.command()(figures.figures)
app.command()(export.export)
app.command()(trace.trace)
app.command()(predict.predict)
app.command()(quality.quality)
app.command()(noise.noise)
app.command()(gate.gate)
app.command()(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.add_typer(history.app, name="history")


def main() -> NoReturn:
    """Run the command line; every user error is a sentence and an exit code."""
    end_on_term()
    code = OK
    try:
        # Depending on its version, typer returns the code of an exit or raises it.
        code = app(standalone_mode=False) or OK
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read the output is gone: nothing to flush to
        code = OK
    except OSError as error:
        name = f" '{error.filename}'" if error.filename else ""
        _fail(f"{error.strerror or error}{name}.", INVALID)
    except Exception as error:
        known = _exit_code(error)
        if known is None:  # a fault of this program: its trace, and never a regression's code
            traceback.print_exc()
        _fail(_message(error), INVALID if known is None else known)
    if code == INTERRUPTED:  # by whichever of the two ways typer tells it
        ERR.print("Interrupted. Finished runs are kept: the same command goes on from there.")
    sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    from reports.errors import ReportError
    from scenarios.loading import ScenarioError

    if _is_usage_error(error) or isinstance(error, (ScenarioError, ConfigurationError)):
        return USAGE
    return INVALID if isinstance(error, (BenchError, ReportError)) else None


def _message(error: Exception) -> str:
    return getattr(error, "format_message", error.__str__)()


def _is_usage_error(error: Exception) -> bool:
    # Click's own errors, by their shape: typer brings click along, or a copy of its own.
    return hasattr(error, "format_message")


def _fail(message: str, code: int) -> NoReturn:
    ERR.print(f"[bold red]error:[/bold red] {escape(message)}")
    sys.exit(code)
