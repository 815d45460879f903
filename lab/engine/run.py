"""`python run.py PACKAGE …`: runs a stand-in of this folder, for the wrappers that the engine starts.

A file and not PYTHONPATH, because the environment of a plugin is also that of the program that it runs.
"""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def leave_out_the_sdk() -> None:
    """A stand-in needs only the messages, pulumi.runtime.proto; the packages around them are left empty.

    Their own `__init__` load the whole SDK, which takes most of the seconds of a plugin's start.
    """
    found = find_spec("pulumi")
    for folder in found.submodule_search_locations or [] if found else []:
        for name, where in (("pulumi", Path(folder)), ("pulumi.runtime", Path(folder) / "runtime")):
            package = sys.modules[name] = ModuleType(name)
            package.__path__ = [str(where)]


leave_out_the_sdk()
sys.path[0] = str(Path(__file__).resolve().parents[2])
del sys.argv[0]
runpy.run_module(f"lab.engine.{sys.argv[0]}", run_name="__main__", alter_sys=True)
