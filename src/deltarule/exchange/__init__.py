"""How the grader and a student's code exchange values: steps to run, frames, plain data back.

Both ends use this folder: judging writes programs and reads outcomes, the process that holds the
student's objects runs them. Therefore it imports nothing else of Deltarule, and only relatively:
the sandbox loads it by its path, under another name.
"""
