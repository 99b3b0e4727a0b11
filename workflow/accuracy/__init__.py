"""What `bittrue bench accuracy` measures: cases.py plans it, run.py does it, store.py keeps it."""
