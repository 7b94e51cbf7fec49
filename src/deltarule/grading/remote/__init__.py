"""Test cells on the trusted side: the student's names are references into a fork of their process.

::

    test cell ──names──► references ──link──► fork of the student's process (exchange.objects)
       │                                             ▲
       └── judging library ──programs────────────────┘

The cell is executed here, where no student's code runs: comparing, counting and deciding happen to
values that were copied over. What cannot be copied is a reference, which refuses to be compared.
"""
