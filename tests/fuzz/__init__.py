"""Coverage-guided fuzzing of what reads untrusted bytes.

A target is a module in `tests.fuzz.targets` whose ``run(data)`` raises for whatever may not happen. `corpus` has a
folder of inputs for each. ``scripts/fuzz`` runs them for as long as one likes, `tests.fuzz.test_fuzz` for a while.
"""
