KINDS = {'x': 1}
class Scene:
    pass
