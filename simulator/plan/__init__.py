"""The fast machine: a Program bound once to buffers, layouts and kernels, then run without allocating.

For kernel authors. `compiler.py` walks the Program; `view.py` and `storage.py` say where tensors lie; the files
named after ops bind one op each where its proof holds; every other case goes to `simulator/kernels`, which is the
plain statement that these are tested against.
"""
