"""The command line: arguments in, one call of workflow, words and exit code out."""
