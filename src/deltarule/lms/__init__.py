"""Exchange with learning management systems: submissions in, grades out.

::

    download.zip ──archive──► members ──sorting──► who, what, when ──placing──► submitted/
    gradebook ──grades──► points ──exporting──► the columns that the system imports
                      roster (the system's own gradebook export) says who is who

Each system is one module with one description of its formats, a
:class:`~deltarule.lms.systems.System`; everything else knows no system by name. Nothing here runs
or grades anything.
"""
