"""What makes and measures a model: data sets, augmentation, fitting, evaluation, export.

Knows nothing of Flask, Celery and SQL.
"""
