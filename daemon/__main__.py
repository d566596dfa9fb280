"""Entry point of the `gnomon` command: one clear line on failure, and the documented exit code."""

from __future__ import annotations

import sys
import traceback


def main() -> None:
    """Run the command line; exit codes follow `market.errors`."""
    from daemon.screen.terminal import fit_streams  # noqa: PLC0415

    with fit_streams():
        _run()


def _run() -> None:
    from daemon.cli import command  # noqa: PLC0415
    from market.errors import GnomonError  # noqa: PLC0415
    from market.text import visible  # noqa: PLC0415

    try:
        command()(prog_name="gnomon")
    except GnomonError as error:
        sys.stderr.write(f"gnomon: {visible(str(error))}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        # Nothing else has a name, so it is a bug of ours; the trace is what we need to mend it.
        traceback.print_exc()
        sys.stderr.write("gnomon: this is a bug in gnomon, not something you did\n")
        sys.exit(70)


if __name__ == "__main__":
    main()
