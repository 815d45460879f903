"""Runs one Pulumi program: `python program.py SETTINGS PROGRAM [ARGUMENT…]`, in the program's own environment.

SETTINGS is JSON: the keywords of pulumi.runtime.Settings. Exit codes: 0; 1 after a RunError, which has been shown
without a traceback; SHOWN after any other exception, which has been shown with the traceback of the program's part.
"""

import asyncio
import json
import logging
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SHOWN = 32
THREADS_PER_OPERATION = 4  # as the official host has it


def main() -> int:
    """Returns the exit code."""
    settings, program, *arguments = sys.argv[1:]
    sys.argv = [program, *arguments]
    sys.path[0] = program if Path(program).is_dir() else str(Path(program).parent)
    try:
        import pulumi
    except ImportError:
        traceback.print_exc()
        print(f"the Pulumi SDK is not in {sys.prefix}\n  -> uv sync", file=sys.stderr)
        return 1
    runtime = pulumi.runtime
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    given = json.loads(settings)
    runtime.configure(runtime.Settings(**given))
    # Futures that nobody waits for are normal in a program that fails: asyncio's complaints would bury the reason.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with ThreadPoolExecutor(max_workers=max(given["parallel"], 1) * THREADS_PER_OPERATION) as threads:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.set_default_executor(threads)
        try:
            return _run(loop, Path(program))
        finally:
            loop.close()


def _run(loop: asyncio.AbstractEventLoop, program: Path) -> int:
    import pulumi

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_of_the_program(error, program)}")
        return SHOWN
    return 0


def _of_the_program(error: Exception, program: Path) -> str:
    """The traceback from the program's own first line on; all of it where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    main_file = program / "__main__.py" if program.is_dir() else program
    first = next((i for i, frame in enumerate(frames) if Path(frame.filename) == main_file), 0)
    return "".join(traceback.format_exception(error, limit=first - len(frames)))


if __name__ == "__main__":
    sys.exit(main())
