"""halfbyte: language models on the machine you have, and one small interface over every other way to run one.

`halfbyte.inference` has the backends, `halfbyte.explain` the tutor. Importing this package imports neither.
"""

__version__ = "0.1.0"
