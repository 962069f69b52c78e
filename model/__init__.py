"""What an X-ray means to a network: decoding, gate, preprocessing, networks, artifact, engines.

Knows nothing of Flask, Celery and SQL.
"""

DISCLAIMER = "Research and triage support, not a diagnosis."
