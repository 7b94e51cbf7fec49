"""The live preview: what students get, in a browser, anew at each save of a source.

::

    source/ ──watchfiles──► compile what changed ──► cells as HTML ──tornado──► browser
                              (nothing is run)         formulas as MathML, by pandoc

``shown`` knows what there is to see, ``rendered`` makes HTML of cells, ``server`` hands it out, on
this machine only, and ``watching`` brings them together. Nothing is executed, and ``release/`` and
``solutions/`` stay as they are: that is the job of ``deltarule build`` without ``--watch``.
"""

from deltarule.authoring.preview.watching import Save, watch

__all__ = ["Save", "watch"]
