class Comparison:
    pass


class Cell:
    pass


class Row:
    pass


def compare(finder, papers, aspects):
    raise NotImplementedError
