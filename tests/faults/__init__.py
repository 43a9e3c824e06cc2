"""Faults, made on purpose and counted: each has to end in a correct result or a clear sentence.

`make faults` runs them all; a module a kind of fault, listed in `faults.kinds`.
"""
