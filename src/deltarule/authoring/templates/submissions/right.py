"""Hands in the solution. Copy this file for each kind of answer that you expect.

A section takes the place of the function of its name, or of the cell with that name; all else is as
in the base. 'deltarule check' sees that the answer loses exactly the tests that are named here.
"""
# base: solution
# loses: none
