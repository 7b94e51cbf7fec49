"""Grading in pipelines: workflows, actions and bundles, executed here step by step."""
