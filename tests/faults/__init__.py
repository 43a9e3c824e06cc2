"""Faults, made on purpose and counted: each must end in a correct result or a clear sentence.

`make faults` makes them all. Each kind of fault is a module, listed in `faults.command.KINDS`.
"""
