"""Public sets, asked of our program from the files of their owners: `python -m eval.public NAME --data FOLDER`.

docs/public-sets.md says where each set is found and under which licence. Nothing of them is in this project.
"""
