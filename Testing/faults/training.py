KINDS = {'x': 1}
class Training:
    pass
