"""Everything between the web page and the network: SQL, image files, Celery, the sweeper.

Knows `model`; knows nothing of Flask.
"""
