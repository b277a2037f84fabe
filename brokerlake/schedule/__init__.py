"""What a scheduler needs to know of the lake: the night's date, the tasks and their edges, the deadlines.

Parsing a DAG file imports this package, so nothing here imports PySpark, a job or a data library at module level.
"""
