"""The web room: pages and the REST API. Knows nothing of TensorFlow."""
