"""Qt widgets of CTK and Slicer, of which the wheel has none: as much of each as the panel uses.

`real_api.json` holds what scripts can reach of the real classes (properties, signals, slots and invokable methods,
read from the C++ headers of Slicer 5.13). A substitute that offers more is refused when it is defined, and a method of
the real class that it lacks says so when it is called.
"""
