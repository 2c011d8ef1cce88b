"""Makes `g2c.inference` and its submodules importable: they are the modules of `halfbyte.inference`.

    import halfbyte.compat.g2c
    from g2c.inference import OllamaBackend, benchmark

The modules are the same objects, so replacing `g2c.inference.local.generate` replaces what the backend calls. Where a
package `g2c` is installed it stays, and only its `inference` is this one.
"""

import importlib
import importlib.util
import pkgutil
import sys
import types

import halfbyte.inference

COURSE = "g2c"


def _course_package() -> types.ModuleType:
    if COURSE in sys.modules or importlib.util.find_spec(COURSE) is not None:
        return importlib.import_module(COURSE)
    package = types.ModuleType(COURSE, "Stands for the course package; its `inference` is `halfbyte.inference`.")
    package.__path__ = []
    sys.modules[COURSE] = package
    return package


def register() -> None:
    """Registers the names. Importing this module has done it already; doing it again changes nothing."""
    package = _course_package()
    inference = halfbyte.inference
    setattr(package, "inference", inference)
    sys.modules[f"{COURSE}.inference"] = inference
    for module in pkgutil.iter_modules(inference.__path__):
        ours = importlib.import_module(f"{inference.__name__}.{module.name}")
        sys.modules[f"{COURSE}.inference.{module.name}"] = ours


register()
