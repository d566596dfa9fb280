"""How fast is it, beside what? `python -m bench` measures; `bench/RESULTS.md` is one such run."""
