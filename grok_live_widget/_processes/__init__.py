"""Python processes of this package's own, which live no longer than the one that started them.

`parent` starts and ends them, `child` is their side of that; `pickled` is how the two may talk, and
`imports` is how a process begins quickly. Each process imports what it needs of these alone.
"""
