"""The class report: what a class has and has not understood, as one HTML file without a network.

::

    Gathered ──figures──► Figures ──┐
    autograded/ ──similar──► Groups ─┼──page──► report.html, report.json
    feedback/ ──────links───────────┘

``figures`` calculates and knows no HTML, ``page`` draws and calculates nothing but positions.
"""
