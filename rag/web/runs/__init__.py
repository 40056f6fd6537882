"""Evaluations on the page: what is asked, the one that is running, those that there are, and their fragments of HTML.

What does the work is `rag.evaluation`, as for the command line. It is imported late: it costs seconds, and most readers
of the page never open this tab.
"""
