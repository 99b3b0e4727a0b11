"""Mutants of a datapath's units: faults planted in graphs of words, and which vectors notice them.

words.py     graph, node, fault              builder.py   how a graph is written; intervals.py  bounds of its wires
units/       the graphs                      evaluate.py  graphs on arrays
operators/   every mutant, by class          proof/       equivalence and witnesses by SAT
score.py     a set of vectors against all mutants
"""
