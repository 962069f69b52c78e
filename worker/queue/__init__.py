"""The Celery application, its connections, and the messages that wake workers."""
