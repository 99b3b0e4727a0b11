"""What `make bench` measures; scripts for this checkout, no part of the wheel.

performance.py  the command: every row of the table, judged, printed, stored (for whoever quotes a speed)
scaling.py      the second command: time against side, batch and model, as a plot
rows.py         which ratios there are and what is demanded of them (edit here to add a row)
variants.py     the datapaths that are compared with the default one
networks.py     models, sides, variants, and where their files lie; prepare.py makes them (the only part with torch)
contestants.py  what one process runs; worker.py is that process, subjects.py what it calls, tosa.py the one without
rounds.py       starts the processes one after another, in interleaved rounds; disturbance.py tells of other users
spread.py, verdicts.py, table.py, results.py, machine.py   from seconds to a table
"""
