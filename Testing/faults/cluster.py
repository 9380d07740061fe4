KINDS = {'x': 1}
class Cluster:
    pass
